"""Whose an object is: two tags, by which an interrupted creation is found again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

__all__ = ["ARCHITECTURE", "ENVIRONMENT", "RESERVED", "RESOURCE", "Identity", "as_list", "as_map"]

RESERVED = ("dingli:", "aws:")
ENVIRONMENT = "dingli:environment"
RESOURCE = "dingli:resource"
ARCHITECTURE = "dingli:architecture"
_LONGEST = 256
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9 +\-=._:/@]")  # in values of tags; a URN of a component's child has a `$`


@dataclass(frozen=True)
class Identity:
    """One resource of one environment. Replacing deletes first, so that it has one object at a time."""

    environment: str
    resource: str

    @classmethod
    def of(cls, environment: str, urn: str) -> Identity:
        """The URN, or if it cannot be a tag's value, as much of it as can, with a sum of the whole."""
        allowed = _NOT_ALLOWED.sub("_", urn.replace("$", "/"))
        if len(allowed) > _LONGEST or allowed != urn.replace("$", "/"):
            allowed = f"{allowed[: _LONGEST - 17]}/{sha256(urn.encode()).hexdigest()[:16]}"
        return cls(environment, allowed)

    @property
    def tags(self) -> dict[str, str]:
        """What every object carries."""
        return {ENVIRONMENT: self.environment, RESOURCE: self.resource}

    @property
    def filters(self) -> Any:
        """For the `Describe…` calls of EC2."""
        return [{"Name": f"tag:{key}", "Values": [value]} for key, value in self.tags.items()]


def as_list(tags: Mapping[str, str]) -> Any:
    """As the services want tags."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def as_map(tags: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """As the services return them."""
    return {str(tag["Key"]): str(tag["Value"]) for tag in tags}
