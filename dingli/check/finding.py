"""What a check found out about one host, one site or two of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from dingli.exceptions import ExitCode

__all__ = ["Finding", "Report", "State"]


class State(StrEnum):
    """How a check ended. Unknown is never good."""

    GOOD = "good"
    FAILED = "failed"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class Finding:
    """`subject` is a host, a bastion, or two sites; `expected` and `remedy` say more when the state is not good."""

    subject: str
    check: str
    state: State
    found: str
    expected: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """Every finding about an environment."""

    environment: str
    findings: tuple[Finding, ...]

    def of(self, state: State) -> list[Finding]:
        """The findings with this state."""
        return [one for one in self.findings if one.state is state]

    @property
    def exit_code(self) -> ExitCode:
        """1 if anything failed; 3 if nothing did, but something could not be told."""
        if self.of(State.FAILED):
            return ExitCode.FAILED
        return ExitCode.UNKNOWN if self.of(State.UNKNOWN) else ExitCode.OK

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        counts = {state.name.lower(): len(self.of(state)) for state in State}
        return {
            "environment": self.environment,
            "ok": self.exit_code is ExitCode.OK,
            "counts": counts,
            "findings": [asdict(one) for one in self.findings],
        }
