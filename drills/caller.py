"""`python -m drills.caller ENVIRONMENT [SITE …]`: the stacks, with these sites on demand called and no others.

What `dingli up` does without evidence, gate and question: the drill whose child this is has all three.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dingli.environment import load
from dingli.environment.readiness import record_call, standing
from dingli.exceptions import DingliError
from dingli.stacks.engine import Engine
from dingli.stacks.operation import Choice
from dingli.stacks.screen import Screen
from dingli.stacks.up import roll_out

__all__ = ["settle"]


def settle(name: str, called: Sequence[str]) -> bool:
    """Whether every stack is as it should be then."""
    environment, screen = standing(load(name), called), Screen()
    engine, choice = Engine(environment, screen.show), Choice(call=tuple(called))
    record_call(name, called)
    outcomes = roll_out(environment, choice.of(environment), engine, screen, choice, screen.say)
    return all(outcome.ok for outcome in outcomes.values())


if __name__ == "__main__":
    try:
        raise SystemExit(0 if settle(sys.argv[1], sys.argv[2:]) else 1)
    except DingliError as error:
        raise SystemExit(str(error)) from None
