"""What an input of a cloud resource may be, and how two values of it compare."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, ip_network
from typing import Any

from infra.providers.base.values import contains_unknown
from infra.providers.industry.identity import RESERVED

__all__ = [
    "FLAG",
    "LIST_OF_MAPS",
    "LIST_OF_TEXT",
    "MAP",
    "NUMBER",
    "TEXT",
    "Check",
    "Field",
    "address",
    "cidr",
    "flag",
    "identifier",
    "identifiers",
    "matching",
    "one_of",
    "tag_map",
    "whole_number",
]

TEXT: Mapping[str, Any] = {"type": "string"}
NUMBER: Mapping[str, Any] = {"type": "integer"}
FLAG: Mapping[str, Any] = {"type": "boolean"}
LIST_OF_TEXT: Mapping[str, Any] = {"type": "array", "items": TEXT}
MAP: Mapping[str, Any] = {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}
LIST_OF_MAPS: Mapping[str, Any] = {"type": "array", "items": MAP}

Check = Callable[[Any], str | None]
"""Why a value cannot be right, or None."""


@dataclass(frozen=True)
class Field:
    """An input. `default`: what counts where it is not declared. `free`: where it is not declared, the cloud chooses.
    `replaces`: the cloud cannot change it. `normal`: the form in which values are compared. Not `told`: values may be
    secret, and are never shown."""

    spec: Mapping[str, Any]
    check: Check
    required: bool = False
    default: Any = None
    free: bool = False
    replaces: bool = False
    normal: Callable[[Any], Any] = lambda value: value
    told: bool = True

    def differ(self, wanted: Any, found: Any) -> bool:
        """True if `found` is not what `wanted` declares; None is what nobody has declared."""
        wanted = self.default if wanted is None else wanted
        if wanted is None and self.free:
            return False
        found = self.default if found is None else found
        if contains_unknown(wanted) or contains_unknown(found):
            return bool(wanted != found)
        return bool(self._comparable(wanted) != self._comparable(found))

    def difference(self, wanted: Any, found: Any) -> str:
        """The two values in words, without those that nobody should see; of lists only what is not in both."""
        if not self.told:
            return "is not the declared one"
        wanted = self.default if wanted is None else wanted
        if isinstance(wanted, list | tuple) and isinstance(found, list):
            before, now = self._comparable(wanted), self._comparable(found)
            more, less = [one for one in now if one not in before], [one for one in before if one not in now]
            lines = [("found", more), ("missing", less)]
            return "; ".join(f"{word} {', '.join(map(_said, items))}" for word, items in lines if items)
        return f"found {_said(found)}, declared {_said(wanted)}"

    def _comparable(self, value: Any) -> Any:
        return None if value is None else self.normal(value)


def _said(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "nothing"
    return json.dumps(value) if isinstance(value, bool | dict) else str(value)


def matching(pattern: str, expected: str) -> Check:
    """Text of a form."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str | None:
        good = isinstance(value, str) and compiled.fullmatch(value)
        return None if good else f"is {value!r}, expected {expected}"

    return check


def one_of(*values: str) -> Check:
    """One of a few words."""

    def check(value: Any) -> str | None:
        return None if value in values else f"is {value!r}, expected one of {', '.join(values)}"

    return check


def whole_number(low: int, high: int) -> Check:
    """Between two limits, both included."""

    def check(value: Any) -> str | None:
        good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return None if good else f"is {value!r}, expected a whole number from {low} to {high}"

    return check


def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else f"is {value!r}, expected true or false"


def cidr(value: Any) -> str | None:
    """An IPv4 network."""
    try:
        ip_network(str(value))
    except ValueError as error:
        return f"is {value!r}, expected a network such as 10.0.0.0/16 ({error})"
    return None if ":" not in str(value) and "/" in str(value) else f"is {value!r}, expected a network like 10.0.0.0/16"


def address(value: Any) -> str | None:
    """An IPv4 address."""
    try:
        IPv4Address(value)
    except (AddressValueError, ValueError):
        return f"is {value!r}, expected an address such as 10.0.1.10"
    return None


def identifier(prefix: str) -> Check:
    """The cloud's id of an object, such as `vpc-…`."""
    return matching(rf"{prefix}-[A-Za-z0-9_-]+", f"an id that begins with {prefix}-")


def identifiers(prefix: str) -> Check:
    """A list of ids, of which some may not be known yet."""
    one = identifier(prefix)

    def check(value: Any) -> str | None:
        if not isinstance(value, Sequence) or isinstance(value, str) or not value:
            return f"is {value!r}, expected a list of ids that begin with {prefix}-"
        wrong = [reason for item in value if not contains_unknown(item) and (reason := one(item))]
        return "; ".join(wrong) or None

    return check


def tag_map(value: Any) -> str | None:
    """Tags of the user's own."""
    if not isinstance(value, Mapping):
        return f"is {value!r}, expected names with texts"
    wrong = [f"{key} is reserved" for key in value if key.startswith(RESERVED)]
    wrong += [f"{key} is longer than 128 characters" for key in value if len(key) > 128]
    known = {key: text for key, text in value.items() if not contains_unknown(text)}
    wrong += [
        f"{key}: expected at most 256 characters of text"
        for key, text in known.items()
        if not isinstance(text, str) or len(text) > 256
    ]
    return "; ".join(wrong) or None
