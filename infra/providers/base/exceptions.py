"""Errors of the providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dingli.exceptions import DingliError

__all__ = ["Cancelled", "Incomplete", "ProviderError"]


class ProviderError(DingliError):
    """Nothing was changed by the operation that failed."""


class Cancelled(ProviderError):
    """The engine asked to stop."""


class Incomplete(ProviderError):
    """A create or update failed after touching a host.

    `state` is what was reached. The engine keeps it and updates the resource the next time, even if the declaration is
    then the old one again: the host is not left half-changed.
    """

    def __init__(self, resource_id: str, state: Mapping[str, Any], reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.resource_id = resource_id
        self.state = state
        self.reasons = tuple(reasons)
