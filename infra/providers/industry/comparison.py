"""An object as it is, against what is declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.providers.base.resource import Properties
from infra.providers.industry.fields import Field
from infra.providers.industry.identity import RESERVED

__all__ = ["Seen", "as_inputs", "declared", "differing", "tag_drift"]


@dataclass(frozen=True)
class Seen:
    """An object as it is. `inputs` has the fields that can be told, tags apart."""

    inputs: Properties
    tags: Mapping[str, str]
    outputs: Properties = field(default_factory=dict)


def declared(news: Properties) -> Properties:
    """Without what is left empty."""
    return {name: value for name, value in news.items() if value is not None}


def as_inputs(fields: Mapping[str, Field], seen: Seen) -> Properties:
    """As a program would declare the object: without what is a default anyway."""
    own = {key: text for key, text in seen.tags.items() if not key.startswith(RESERVED)}
    found = {name: value for name, value in seen.inputs.items() if fields[name].differ(None, value)}
    free = {name: seen.inputs[name] for name, one in fields.items() if one.free and seen.inputs.get(name)}
    return {**found, **free, **({"tags": own} if own else {})}


def differing(fields: Mapping[str, Field], wanted: Properties, seen: Seen) -> dict[str, str]:
    """Fields of the object that are not as declared, each with both values in words."""
    told = {name: one for name, one in fields.items() if name in seen.inputs}
    return {
        name: one.difference(wanted.get(name), seen.inputs[name])
        for name, one in told.items()
        if one.differ(wanted.get(name), seen.inputs[name])
    }


def tag_drift(wanted: Mapping[str, str], seen: Seen) -> dict[str, str]:
    """Tags that are missing or changed; those that others have added are theirs."""
    lines = [
        f"{key}: found {seen.tags.get(key, 'nothing')}, declared {text}"
        for key, text in wanted.items()
        if seen.tags.get(key) != text
    ]
    return {"tags": "; ".join(lines)} if lines else {}
