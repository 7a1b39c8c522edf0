"""What the API shows follows what is true of the machine, never the other way round."""

from __future__ import annotations

import pytest

from lab.cloud.states import Act, Seen, State, next_step

NOTHING = Seen(exists=False, on=False, answers=False)
OFF = Seen(exists=True, on=False, answers=False)
BOOTING = Seen(exists=True, on=True, answers=False)
UP = Seen(exists=True, on=True, answers=True)


@pytest.mark.parametrize(
    ("shown", "seen", "act", "next_shown"),
    [
        (State.PENDING, NOTHING, Act.BUILD, State.PENDING),
        (State.PENDING, OFF, Act.POWER_ON, State.PENDING),
        (State.PENDING, BOOTING, Act.PROBE, State.PENDING),
        (State.PENDING, UP, Act.NOTHING, State.RUNNING),
        (State.RUNNING, UP, Act.NOTHING, State.RUNNING),
        (State.RUNNING, BOOTING, Act.NOTHING, State.RUNNING),
        (State.RUNNING, OFF, Act.NOTHING, State.STOPPED),
        (State.STOPPING, UP, Act.POWER_OFF, State.STOPPING),
        (State.STOPPING, OFF, Act.NOTHING, State.STOPPED),
        (State.STOPPED, UP, Act.POWER_OFF, State.STOPPED),
        (State.STOPPED, OFF, Act.NOTHING, State.STOPPED),
        (State.SHUTTING_DOWN, UP, Act.REMOVE, State.SHUTTING_DOWN),
        (State.SHUTTING_DOWN, OFF, Act.REMOVE, State.SHUTTING_DOWN),
        (State.SHUTTING_DOWN, NOTHING, Act.NOTHING, State.TERMINATED),
        (State.TERMINATED, NOTHING, Act.NOTHING, State.TERMINATED),
    ],
)
def test_a_state_is_left_when_what_it_waits_for_is_true(shown: State, seen: Seen, act: Act, next_shown: State) -> None:
    assert next_step(shown, seen) == (act, next_shown)
