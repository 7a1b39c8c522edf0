"""What a rule is: a function from a resource's inputs to breaches, and the clauses that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["GBT_22239", "UNKNOWN", "Breach", "Clause", "Resource", "Rule"]

GBT_22239 = "GB/T 22239-2019"


class _Unknown:
    """Not a provider's `Unknown`: that one takes longer to import than the whole rest of the rules."""

    def __repr__(self) -> str:
        return "(not known yet)"


UNKNOWN: Final = _Unknown()
"""In the place of a value that another resource will provide when it exists."""


@dataclass(frozen=True)
class Clause:
    """A clause of a standard, with its short title."""

    standard: str
    number: str
    title: str

    def __str__(self) -> str:
        return f"{self.standard} {self.number} {self.title}"


@dataclass(frozen=True)
class Resource:
    """A resource as declared: its type token, its name, its inputs. Parts may be `UNKNOWN` during a preview."""

    kind: str
    name: str
    inputs: Mapping[str, Any]

    @property
    def tags(self) -> Mapping[str, Any] | None:
        """The declared tags; None if it is not known yet which there are."""
        tags = self.inputs.get("tags")
        return None if tags is UNKNOWN else tags or {}


@dataclass(frozen=True)
class Breach:
    """What is wrong with a resource, and what to do."""

    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        return f"found: {self.found}\nexpected: {self.expected}\nwhat to do: {self.remedy}"


@dataclass(frozen=True)
class Rule:
    """`judge` is asked about resources of `types` only. What is not known yet is not judged: an update knows it."""

    name: str
    says: str
    clauses: tuple[Clause, ...]
    types: frozenset[str]
    judge: Callable[[Resource], Iterable[Breach]]

    @property
    def description(self) -> str:
        """What every violation begins with."""
        return f"{self.says} ({'; '.join(map(str, self.clauses))})"
