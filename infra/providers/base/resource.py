"""What a resource type of a provider implements: blocking methods on plain data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from infra.providers.base.cancellation import Cancellation
from infra.providers.base.engine_log import Log

__all__ = ["Configuration", "Context", "Difference", "Failure", "Properties", "ReadResult", "ResourceType"]

Properties = dict[str, Any]
"""Plain property values by name; parts may be `Unknown` during a preview."""


@dataclass(frozen=True)
class Context:
    """What an operation is about and how it talks to the engine."""

    urn: str
    log: Log
    cancellation: Cancellation
    preview: bool = False
    resource_id: str = ""
    """Of what is there, where a difference is asked for."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Failure:
    """An input that cannot be right. The engine shows its value, unless it is not to be `shown`."""

    property: str
    reason: str
    shown: bool = True


@dataclass(frozen=True)
class Difference:
    """Which properties differ, and which of them need another resource instead of a change."""

    changed: Sequence[str] = ()
    replaced: Sequence[str] = ()
    delete_before_replace: bool = False


@dataclass(frozen=True)
class ReadResult:
    """The resource as it was found; `resource_id` None means that there is none."""

    resource_id: str | None
    state: Properties = field(default_factory=dict)
    inputs: Properties = field(default_factory=dict)


class ResourceType(ABC):
    """One resource type. Methods block; they run in threads of their own."""

    token: ClassVar[str]
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]]
    """Name to JSON type specification, as in a Pulumi package schema."""
    outputs: ClassVar[Mapping[str, Mapping[str, Any]]]
    required: ClassVar[Sequence[str]] = ()

    def check(self, news: Properties) -> Sequence[Failure]:
        """What is wrong with the inputs; values may be Unknown, and required ones missing (that is found elsewhere)."""
        return ()

    @abstractmethod
    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        """What an update would change."""

    @abstractmethod
    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        """Make it; returns its id and state. In a preview, say what would be done."""

    @abstractmethod
    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        """Bring it to `news`; returns its state."""

    @abstractmethod
    def read(self, context: Context, resource_id: str, state: Properties, inputs: Properties) -> ReadResult:
        """Look at it. `state` and `inputs` are empty on import: the id alone must do."""

    @abstractmethod
    def delete(self, context: Context, resource_id: str, state: Properties) -> None:
        """Remove it."""


class Configuration(ABC):
    """What a whole provider is told before it is used: `PROVIDER:name` of a stack, or the inputs of a Provider."""

    inputs: ClassVar[Mapping[str, Mapping[str, Any]]]
    required: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def check(self, values: Properties) -> Sequence[Failure]:
        """What is wrong with them; values may be Unknown, and required ones missing."""

    @abstractmethod
    def configure(self, values: Properties) -> None:
        """Use them from now on."""
