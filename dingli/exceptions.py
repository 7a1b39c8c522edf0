"""Errors that a person can act on: what was found, what was expected, and what to do."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit status of every `dingli` command means."""

    OK = 0
    FAILED = 1  # the operation failed, or the verdict is negative
    USAGE = 2  # wrong arguments, or an input file that is not valid
    UNKNOWN = 3  # it could not be told: never to be read as a pass


class DingliError(Exception):
    """Root of the tree. `found` alone is the message; `expected` and `remedy` complete it.

    Printed without a traceback by the outermost edge (dingli.cli.main), which exits with `exit_code`.
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, found: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(found, expected, remedy)
        self.found = found
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        lines = [self.found]
        if self.expected:
            lines.append(f"expected: {self.expected}")
        if self.remedy:
            lines.append(f"what to do: {self.remedy}")
        return "\n".join(lines)


class InputError(DingliError):
    """An argument or a file written by a person is not valid."""

    exit_code = ExitCode.USAGE


class CannotTell(DingliError):
    """A check broke or saw too little: neither a pass nor a failure."""

    exit_code = ExitCode.UNKNOWN


class SetupError(DingliError):
    """The controller is not set up, or a step of `make setup` failed."""
