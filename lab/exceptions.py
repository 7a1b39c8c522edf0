"""What can go wrong with the lab, in words that a person can act on."""

from __future__ import annotations

from dingli.exceptions import DingliError, ExitCode


class LabError(DingliError):
    """The lab cannot do what was asked."""


class MachineUnfit(LabError):
    """This machine lacks something that a lab needs; `found` lists all of it."""


class NotOurs(LabError):
    """The lab on this machine belongs to another clone."""


class NoSuchHost(LabError):
    """A host was named that the lab does not have."""

    exit_code = ExitCode.USAGE


class NoSuchLine(LabError):
    """A line between sites was named that the lab does not have."""

    exit_code = ExitCode.USAGE
