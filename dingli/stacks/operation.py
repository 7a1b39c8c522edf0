"""One operation on all stacks of an environment, or on some."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from dingli.environment import Environment
from dingli.exceptions import InputError
from dingli.stacks.engine import Engine
from dingli.stacks.events import StackOutcome
from dingli.stacks.names import StackName
from dingli.stacks.screen import Screen

__all__ = ["Choice", "operate"]


@dataclass(frozen=True)
class Choice:
    """What a person asked for."""

    sites: tuple[str, ...] = ()
    refresh: bool = False
    continue_on_error: bool = False
    parallel: int = 2
    call: tuple[str, ...] = ()
    """Sites on demand, all of whose machines are wanted."""
    may_remove: bool = False
    """Nobody need be asked before instances go."""

    def of(self, environment: Environment) -> list[StackName]:
        """The stacks, called sites' first. Raises `InputError` for a site that is not declared."""
        unknown = [site for site in self.sites if site not in environment.sites]
        if unknown:
            raise InputError(
                f"the site {', '.join(unknown)}", f"one of {', '.join(environment.sites)}", "correct --site"
            )
        chosen = [site for site in environment.sites if not self.sites or site in self.sites]
        return [StackName(environment.name, site) for site in sorted(chosen, key=lambda site: site not in self.call)]


def operate(
    stacks: Sequence[StackName], engine: Engine, screen: Screen, choice: Choice, verb: str, arguments: Sequence[str]
) -> dict[str, StackOutcome]:
    """Run `verb` on each stack; outcomes by site. After a failure no further stack is begun, unless that was asked for.

    Ctrl-C interrupts the engines, which record what was reached; a second one does not wait for that.
    """
    outcomes: dict[str, StackOutcome] = {}

    def one(name: StackName) -> None:
        failed = any(not outcome.ok for outcome in list(outcomes.values()))
        if engine.interrupted or (failed and not choice.continue_on_error):
            screen.say("not begun", name.site)
            outcomes[name.site] = StackOutcome(name.site, errors=["not begun: another site failed or was interrupted"])
            return
        outcome = engine.run(name, verb, *arguments)
        outcomes[name.site] = outcome
        told = f"{outcome.changed} changes" if outcome.changed else "no changes"
        text = f"done, {told}" if outcome.ok else "FAILED"
        screen.say(f"{text} ({outcome.seconds:.1f} s)", name.site, error=not outcome.ok)

    with _interrupts_reach(engine, screen.say), ThreadPoolExecutor(choice.parallel) as executor:
        for future in [executor.submit(one, name) for name in stacks]:
            future.result()
    return {name.site: outcomes[name.site] for name in stacks}


@contextmanager
def _interrupts_reach(engine: Engine, say: Callable[[str], None]) -> Iterator[None]:
    def handle(*_: object) -> None:
        engine.interrupt()
        say("interrupting; once more to stop without waiting" if engine.interrupted == 1 else "stopping at once")

    previous = [(number, signal.signal(number, handle)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, before in previous:
            signal.signal(number, before)
