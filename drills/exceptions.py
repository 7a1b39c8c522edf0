"""Errors of drills."""

from __future__ import annotations

from dingli.exceptions import CannotTell, DingliError, InputError


class DrillRefused(DingliError):
    """The drill was not begun; nothing was touched."""


class DrillInput(InputError):
    """A drill, environment, cell or site that does not exist, or a combination that makes no sense."""


class StepFailed(DingliError):
    """A step of a drill did not do what it should."""


class TooLittleSeen(CannotTell):
    """The drill ran, and left too little behind to judge it by."""
