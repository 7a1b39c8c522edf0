"""Going through a roll-out: canaries, their health, the waves after them. Knows neither Ansible nor SSH."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dingli.rollout import Changing, canaries, waves
from dingli.rollout.health import Wellness
from infra.providers.base.engine_log import Log
from infra.providers.deployment.outcome import HostOutcome

__all__ = ["Course", "Hosts", "Return", "roll_out"]

_UNSEEN = "interrupted before it was seen to be well"


@dataclass(frozen=True)
class Return:
    """What became of giving a host again what it had. `whole`: it has that and nothing else, and is well."""

    text: str
    whole: bool = False


class Hosts(Protocol):
    """What a roll-out does with hosts."""

    @property
    def interrupted(self) -> bool:
        """Whether nothing more is to be begun."""

    def run(self, names: Sequence[str]) -> Mapping[str, HostOutcome]:
        """Change them, all at once."""

    def look(self, names: Collection[str]) -> Mapping[str, Wellness]:
        """How they are."""

    def settle(self, names: Collection[str], before: Mapping[str, Wellness]) -> dict[str, str]:
        """Wait until they are as well as `before`; why not, for those that never were."""

    def take_back(self, name: str, before: Wellness) -> Return:
        """Give a host again what it had."""


@dataclass
class Course:
    """How far it came. `returned`: hosts that have again, whole, what they had."""

    outcomes: dict[str, HostOutcome] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)
    untouched: tuple[str, ...] = ()


def roll_out(
    hosts: Hosts,
    changing: Sequence[Changing],
    others: Sequence[str],
    log: Log,
    ratio: float,
    proven: Collection[str] = (),
) -> Course:
    """Change `changing` by canaries and waves. `others`, which have nothing yet or are repaired, wait for nobody.

    `proven`: architectures that need no canary.
    """
    going = _Going(hosts, log, tuple(changing), list(changing), list(others), set(proven))
    if going.lead_the_way():
        going.follow(waves(going.remaining, ratio, changing))
    return going.course


@dataclass
class _Going:
    hosts: Hosts
    log: Log
    changing: tuple[Changing, ...]
    remaining: list[Changing]
    others: list[str]
    proven: set[str]
    course: Course = field(default_factory=Course)

    def lead_the_way(self) -> bool:
        """Canaries, until there is one that is well of every architecture. False: the roll-out ends here.

        One that could not even be begun says nothing about the change: the next one takes its place.
        """
        while chosen := canaries(self.remaining, proven=self.proven):
            architectures = {one.name: one.architecture for one in self.remaining}
            before = self.hosts.look(chosen)
            self.remaining = [one for one in self.remaining if one.name not in chosen]
            self._announce(chosen, architectures)
            outcomes = self._run(chosen)
            tried = [name for name in chosen if outcomes[name].begun]
            if self.hosts.interrupted:
                self._leave(dict.fromkeys(tried, _UNSEEN))
                return False
            failed = self._judge(tried, before)
            if self.hosts.interrupted:
                self._leave(failed)
                return False
            if failed:
                self._take_back(failed, before)
                return False
            # One that was in doubt is repaired by the change at best; what was wrong there before hides what is now.
            doubted = {one.name for one in self.changing if one.unsettled}
            self.proven |= {architectures[name] for name in tried if name not in doubted}
        return True

    def follow(self, planned: Sequence[Sequence[str]]) -> None:
        """The waves. One that leaves a host unwell is the last."""
        if not planned and self.others:
            self._run(())
        for number, wave in enumerate(planned, 1):
            last = number == len(planned)
            before = {} if last else self.hosts.look(wave)
            if len(planned) > 1 or self.course.outcomes:
                self.log.info(f"wave {number} of {len(planned)}: {', '.join(wave)}")
            outcomes = self._run(wave)
            self.remaining = [one for one in self.remaining if one.name not in wave]
            tried = [name for name in wave if outcomes[name].begun]
            if self.hosts.interrupted:
                self._leave(dict.fromkeys(tried, _UNSEEN))
                return
            if last:
                return
            failed = self._judge(tried, before)
            if failed:
                self._leave({name: f"not well after the change: {reason}" for name, reason in failed.items()})
                self.log.warning(f"wave {number}: {', '.join(failed)} not well; the roll-out stops")
                return

    def _run(self, names: Sequence[str]) -> Mapping[str, HostOutcome]:
        done = self.hosts.run([*names, *self.others])
        self.others = []
        self.course.outcomes.update(done)
        return done

    def _announce(self, chosen: Sequence[str], architectures: Mapping[str, str]) -> None:
        named = ", ".join(f"{name} ({architectures[name]})" for name in chosen)
        rest = ", ".join(one.name for one in self.remaining)
        self.log.info(f"canary: {named}" + (f"; if it is well: {rest}" if rest else ""))

    def _judge(self, tried: Sequence[str], before: Mapping[str, Wellness]) -> dict[str, str]:
        """Why each that is not well is not. On a host on which nothing was changed there is nothing to wait for."""
        outcomes = self.course.outcomes
        failed = {name: outcomes[name].failure or "not done" for name in tried if not outcomes[name].done}
        asked = [name for name in tried if name not in failed and outcomes[name].changed]
        if not asked:
            return failed
        self.log.progress(f"health: waiting until {', '.join(asked)} {'is' if len(asked) == 1 else 'are'} well")
        began = time.monotonic()
        unwell = self.hosts.settle(asked, before)
        for name in asked:
            known = "; ".join(before[name].complaints.values())
            state = (
                f"NOT well: {unwell[name]}" if name in unwell else "well" + (f" (as before: {known})" if known else "")
            )
            self.log.info(f"health: {name}: {state} ({time.monotonic() - began:.1f} s)")
        return failed | unwell

    def _take_back(self, failed: Mapping[str, str], before: Mapping[str, Wellness]) -> None:
        self.course.untouched = tuple(one.name for one in self.remaining)
        for name, reason in failed.items():
            self.log.warning(f"canary {name} failed: {reason}; rolling it back")
            returned = self.hosts.take_back(name, before[name])
            self.log.info(f"canary {name}: {returned.text}")
            self.course.outcomes[name].failure = f"canary failed: {reason}; {returned.text}"
            if returned.whole:
                self.course.returned.add(name)

    def _leave(self, failed: Mapping[str, str]) -> None:
        """Stop where we are; what was not seen to be well does not count as done."""
        self.course.untouched = tuple(one.name for one in self.remaining)
        for name, reason in failed.items():
            self.course.outcomes[name].failure = self.course.outcomes[name].failure or reason
