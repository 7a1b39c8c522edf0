"""What becomes of an instance, from the state that the API shows and what is seen of its machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["Act", "Seen", "State", "next_step"]


class State(Enum):
    """As EC2 names and numbers them."""

    PENDING = ("pending", 0)
    RUNNING = ("running", 16)
    SHUTTING_DOWN = ("shutting-down", 32)
    TERMINATED = ("terminated", 48)
    STOPPING = ("stopping", 64)
    STOPPED = ("stopped", 80)

    @classmethod
    def named(cls, name: str) -> State:
        return next(state for state in cls if state.value[0] == name)


class Act(Enum):
    """What is done to a machine."""

    NOTHING = "nothing"
    BUILD = "build"
    POWER_ON = "power on"
    POWER_OFF = "power off"
    PROBE = "probe"
    REMOVE = "remove"


@dataclass(frozen=True)
class Seen:
    """A machine: whether it has a disk, whether it has power, whether its SSH service answered since."""

    exists: bool
    on: bool
    answers: bool


def next_step(shown: State, seen: Seen) -> tuple[Act, State]:
    """What to do, and what the API shows from now on. No state is left before what it waits for is true."""
    match shown:
        case State.PENDING if not seen.exists:
            return Act.BUILD, shown
        case State.PENDING if not seen.on:
            return Act.POWER_ON, shown
        case State.PENDING:
            return (Act.NOTHING, State.RUNNING) if seen.answers else (Act.PROBE, shown)
        case State.RUNNING if not seen.on:  # it shut itself down, or died
            return Act.NOTHING, State.STOPPED
        case State.STOPPING if not seen.on:
            return Act.NOTHING, State.STOPPED
        case State.STOPPING | State.STOPPED if seen.on:
            return Act.POWER_OFF, shown
        case State.SHUTTING_DOWN if seen.exists:
            return Act.REMOVE, shown
        case State.SHUTTING_DOWN:
            return Act.NOTHING, State.TERMINATED
        case _:
            return Act.NOTHING, shown
