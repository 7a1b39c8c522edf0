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


def require_confirmed(run_id: str) -> None:
    """Raises DrillRefused for an activity that no drill has begun: nobody was shown a plan, or asked."""
    if not run_id:
        raise DrillRefused(
            "no drill was confirmed", "a run begun by drills.controls.drill", "keep it in the experiment"
        )
