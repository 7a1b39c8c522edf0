"""Comparing what was tried with what is declared: a pure function of both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dingli.environment import Protocol
from dingli.exceptions import ExitCode
from dingli.network.matrix import CONTROLLER, Attempt

__all__ = ["Answer", "Finding", "Report", "Seen", "State", "judge"]


class Answer(StrEnum):
    """What came of an attempt; `wire_probe` has the same words."""

    OPEN = "open"
    REFUSED = "refused"
    SILENT = "silent"
    DENIED = "denied"
    """Somebody on the way said so at once: the own filter, as a rule."""


class State(StrEnum):
    """How an attempt is judged."""

    OPEN = "open, as declared"
    IDLE = "declared, nothing listens"
    CLOSED = "closed, as declared"
    FAILED = "not as declared"
    UNKNOWN = "cannot tell"
    NO_FILTER = "no filter at either end"


@dataclass(frozen=True)
class Seen:
    """What one host, or the controller, saw; `trouble` says why it saw nothing."""

    answers: Mapping[tuple[str, Protocol, int], Answer] = field(default_factory=dict)
    listening: frozenset[tuple[Protocol, int]] = frozenset()
    trouble: str = ""


@dataclass(frozen=True)
class Finding:
    """An attempt and what is to be said of it."""

    attempt: Attempt
    state: State
    answer: Answer | None
    text: str = ""

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "source": self.attempt.source,
            "destination": self.attempt.destination,
            "protocol": self.attempt.protocol.value,
            "port": self.attempt.port,
            "declared": list(self.attempt.services),
            "answer": self.answer.value if self.answer else None,
            "state": self.state.name.lower(),
            "text": self.text,
        }


@dataclass(frozen=True)
class Report:
    """All findings of a scan."""

    environment: str
    findings: tuple[Finding, ...]
    troubles: Mapping[str, str]
    """Hosts that could not try, and why."""

    def of(self, state: State) -> list[Finding]:
        """The findings with this state."""
        return [one for one in self.findings if one.state is state]

    @property
    def exit_code(self) -> ExitCode:
        """1 if anything is not as declared; 3 if nothing is, but something could not be told."""
        if self.of(State.FAILED):
            return ExitCode.FAILED
        return ExitCode.UNKNOWN if self.of(State.UNKNOWN) or not self.findings else ExitCode.OK

    def plain(self) -> dict[str, Any]:
        """For `--json`, and as evidence."""
        return {
            "environment": self.environment,
            "ok": self.exit_code is ExitCode.OK,
            "counts": {state.name.lower(): len(self.of(state)) for state in State},
            "troubles": dict(self.troubles),
            "findings": [one.plain() for one in self.findings],
        }


def judge(environment: str, attempts: Iterable[Attempt], seen: Mapping[str, Seen]) -> Report:
    """Every attempt, judged by what its source saw and what listens at its destination."""
    findings = tuple(_judge(attempt, seen) for attempt in attempts)
    return Report(environment, findings, {name: one.trouble for name, one in seen.items() if one.trouble})


def _judge(attempt: Attempt, seen: Mapping[str, Seen]) -> Finding:
    source, destination = seen.get(attempt.source, Seen()), seen.get(attempt.destination, Seen())
    answer = source.answers.get(attempt.target)
    if answer is None:
        return Finding(attempt, State.UNKNOWN, None, f"{attempt.source} did not try: {source.trouble or 'no answer'}")
    if destination.trouble and answer is not Answer.OPEN:
        return Finding(attempt, State.UNKNOWN, answer, f"{attempt.destination} could not be asked what listens there")
    state, text = _declared(attempt, answer, destination) if attempt.services else _undeclared(attempt, answer)
    return Finding(attempt, state, answer, text)


def _declared(attempt: Attempt, answer: Answer, destination: Seen) -> tuple[State, str]:
    listens = (attempt.protocol, attempt.port) in destination.listening
    if answer is Answer.OPEN:
        return State.OPEN, ""
    if answer is Answer.REFUSED and not listens:
        return State.IDLE, ""
    if attempt.protocol is Protocol.UDP and not listens:
        return State.IDLE, ""
    if answer is Answer.REFUSED:
        return State.FAILED, "declared, something listens there, and it is refused"
    return State.FAILED, "declared, and a packet filter on the way does not let it through"


def _undeclared(attempt: Attempt, answer: Answer) -> tuple[State, str]:
    if answer in (Answer.SILENT, Answer.DENIED):
        return State.CLOSED, ""
    if not attempt.filtered:
        where = f"{attempt.destination} is emulated and has no packet filter"
        return State.NO_FILTER, where if attempt.source == CONTROLLER else f"neither has {attempt.source}; {where}"
    if answer is Answer.OPEN:
        return State.FAILED, "no flow declares it, and it is open"
    return State.FAILED, "no flow declares it, and the destination answers: no packet filter was in the way"
