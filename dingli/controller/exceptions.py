"""What can go wrong when a controller is carried from one place to another."""

from __future__ import annotations

from dingli.exceptions import DingliError, ExitCode

__all__ = ["Altered", "Conflict", "ControllerError", "NoRecoveryKey", "NotAnExport", "Truncated", "WrongKey"]


class ControllerError(DingliError):
    """Root of this package's errors."""


class NotAnExport(ControllerError):
    """The file is something else, or was made by a newer Dingli."""

    exit_code = ExitCode.USAGE


class WrongKey(ControllerError):
    """The recovery key is another one's, or cannot be read."""

    exit_code = ExitCode.USAGE


class NoRecoveryKey(ControllerError):
    """The environment has no recovery key yet."""

    exit_code = ExitCode.USAGE


class Truncated(ControllerError):
    """The end of the file is missing."""


class Altered(ControllerError):
    """The file is not what a controller of the environment made."""


class Conflict(ControllerError):
    """The clone has something else where the export would be written."""
