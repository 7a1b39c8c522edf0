"""The engine's events, as far as they concern a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Message", "StackOutcome", "fold"]

_SHOWN_OPERATIONS = {
    "create": "created",
    "update": "updated",
    "delete": "removed",
    "replace": "replaced",
    "import": "imported",
    "refresh": "looked at",
}
_QUIET_TYPES = ("pulumi:pulumi:Stack", "pulumi:providers:")


@dataclass(frozen=True)
class Message:
    """One line for the screen. `passing` ones matter only while they happen."""

    text: str
    error: bool = False
    passing: bool = False


@dataclass
class StackOutcome:
    """What became of one stack's operation."""

    site: str
    ok: bool = False
    seconds: float = 0.0
    changes: dict[str, int] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def changed(self) -> int:
        """How many resources were, or would be, touched."""
        return sum(count for operation, count in self.changes.items() if operation != "same")

    def followed_by(self, later: StackOutcome) -> StackOutcome:
        """Both as one: what was changed by either, and what the later one left as it was."""
        changes = dict(later.changes)
        for operation, count in self.changes.items():
            if operation != "same":
                changes[operation] = changes.get(operation, 0) + count
        return StackOutcome(
            self.site,
            self.ok and later.ok,
            self.seconds + later.seconds,
            changes,
            [*self.messages, *later.messages],
            [*self.errors, *later.errors],
        )

    def plain(self) -> dict[str, Any]:
        """For `--json` and evidence."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 1),
            "changes": self.changes,
            "messages": self.messages,
            "errors": self.errors,
        }


def fold(line: str, outcome: StackOutcome) -> Message | None:
    """Take one line of the engine's event log into `outcome`; what to show of it, if anything."""
    event: Mapping[str, Any] = json.loads(line)
    if "diagnosticEvent" in event:
        return _diagnostic(event["diagnosticEvent"], outcome)
    if "policyEvent" in event:
        return _violation(event["policyEvent"], outcome)
    if "summaryEvent" in event:
        outcome.changes = dict(event["summaryEvent"].get("resourceChanges") or {})
    if "resOutputsEvent" in event:
        return _step(event["resOutputsEvent"]["metadata"], bool(event["resOutputsEvent"].get("planning")))
    return None


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]


def _step(metadata: Mapping[str, Any], planning: bool) -> Message | None:
    done = _SHOWN_OPERATIONS.get(metadata["op"])
    if done is None or metadata["type"].startswith(_QUIET_TYPES) or metadata["type"].startswith("dingli:"):
        return None
    return Message(f"{_name(metadata['urn'])}: {'would be ' if planning else ''}{done}", passing=done == "looked at")


def _violation(event: Mapping[str, Any], outcome: StackOutcome) -> Message:
    """A policy's message begins with what the rule says and the clauses that it comes from."""
    text = f"{_name(event.get('resourceUrn', ''))}: {event['policyName']}: {event['message'].strip()}"
    mandatory = event["enforcementLevel"] == "mandatory"
    (outcome.errors if mandatory else outcome.messages).append(text)
    return Message(text, error=mandatory)


def _diagnostic(event: Mapping[str, Any], outcome: StackOutcome) -> Message | None:
    text = event["message"].strip()
    if event["severity"] == "debug" or not text:
        return None
    label = _name(event.get("urn", ""))
    text = text if not label or label.startswith("dingli-") else f"{label}: {text}"
    if event["severity"] == "error":
        text = text.replace("1 error occurred:\n\t* ", "")
        if text.endswith(("update failed", "preview failed")):
            return None
        outcome.errors.append(text)
        return Message(text, error=True)
    if event.get("ephemeral"):
        return Message(text, passing=True)
    outcome.messages.append(text)
    return Message(text)
