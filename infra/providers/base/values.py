"""Between the engine's property values and plain Python ones.

A value that is not known yet has one type, `Unknown`, in both directions. The engine's library has two more faces of
it: an unknown input arrives as a sentinel *string* (a careless provider would connect to it), and its own `computed()`
values cannot be sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc

__all__ = ["UNKNOWN", "Plain", "Unknown", "contains_unknown", "from_engine", "properties", "to_engine"]


class Unknown:
    """A value that another resource will provide when it exists."""

    def __repr__(self) -> str:
        return "(not known yet)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unknown)

    def __hash__(self) -> int:
        return hash(Unknown)


UNKNOWN: Final = Unknown()

Plain = Any
"""None, bool, int, float, str, Unknown, and lists and dicts of them."""


def from_engine(value: PropertyValue) -> Plain:
    """Plain value of `value`; whole numbers become int."""
    inner = value.value
    if isinstance(inner, Computed) or inner == rpc.UNKNOWN:
        return UNKNOWN
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if inner is None or isinstance(inner, bool | float | str):
        return inner
    if isinstance(inner, Mapping):
        return {key: from_engine(item) for key, item in inner.items()}
    if isinstance(inner, tuple):
        return [from_engine(item) for item in inner]
    raise TypeError(f"found a property of type {value.type.value}, expected plain data")


def to_engine(value: Plain) -> PropertyValue:
    """The property value of `value`."""
    if isinstance(value, Unknown):
        return PropertyValue(rpc.UNKNOWN)
    if value is None or isinstance(value, bool | str):
        return PropertyValue(value)
    if isinstance(value, int | float):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue({str(key): to_engine(item) for key, item in value.items()})
    if isinstance(value, Sequence):
        return PropertyValue([to_engine(item) for item in value])
    raise TypeError(f"found a value of type {type(value).__name__}, expected plain data")


def properties(values: Mapping[str, Plain]) -> dict[str, PropertyValue]:
    """`values` as the engine's property map."""
    return {key: to_engine(value) for key, value in values.items()}


def contains_unknown(value: Plain) -> bool:
    """True if any part of `value` is not known yet."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_unknown(item) for item in value)
    return isinstance(value, Unknown)
