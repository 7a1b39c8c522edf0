"""Applying a Deployment to its hosts, and what is recorded of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

from dingli.environment import Environment, load
from dingli.exceptions import DingliError
from dingli.rollout import Changing, Stage
from dingli.rollout.health import Subject, Watch, Wellness
from dingli.rollout.settling import settle
from dingli.ssh import Unreachable
from dingli.status.picture import Picture
from infra.providers.base.engine_log import Log
from infra.providers.base.exceptions import Cancelled, Incomplete
from infra.providers.base.resource import Context, Properties
from infra.providers.deployment.declared import name_of
from infra.providers.deployment.digest import desired
from infra.providers.deployment.host_lock import HostLock
from infra.providers.deployment.inventory import target
from infra.providers.deployment.kept import Kept
from infra.providers.deployment.outcome import HostOutcome, Outcome
from infra.providers.deployment.playbook import run_playbook
from infra.providers.deployment.rollout import Course, Return, roll_out
from infra.providers.deployment.unfinished import Unfinished

__all__ = ["apply", "changed_hosts", "changing", "reached_state"]

_LOCKS_AT_ONCE = 16
_LASTING_S = 3.0


def apply(context: Context, resource_id: str, state: Properties, news: Properties, hosts: Sequence[str]) -> Properties:
    """Run on `hosts`. Raises `Incomplete` with the state reached if not all of them are done."""
    context.cancellation.raise_if_requested()
    unfinished, kept = Unfinished(resource_id), Kept(resource_id)
    kept.keep(news, list(news["hosts"]))
    if not hosts:  # a Deployment that is none of this stage's: its hosts come with the next
        return reached_state(context.log, state, news, Course())
    changed = changed_hosts(state, news, hosts)
    others = [name for name in hosts if name not in changed]
    if changed:
        environment = load(news["environment"])
        subject = Subject(news["group"], news.get("cell"))
        with Watch(environment, subject) as watch:
            live = _Live(context, resource_id, state, news, kept, watch, environment.rollout.health_s)
            members = changing(environment, watch.picture(), subject, changed, _unsettled(state, unfinished))
            proven = Stage.current().proven.get(name_of(news), ())
            course = roll_out(live, members, others, context.log, environment.rollout.ratio, proven)
    else:
        unfinished.begin(others)
        course = Course(_run_locked(context, resource_id, news, others).hosts)
    if not context.cancellation.requested:
        unfinished.end([name for name, host in course.outcomes.items() if host.begun])
    reached = reached_state(context.log, state, news, course)
    kept.prune({*desired(news).values(), *reached["applied"].values(), *reached["former"].values()})
    reasons = _reasons(context, course)
    if reasons:
        raise Incomplete(resource_id, reached, reasons)
    return reached


def changing(
    environment: Environment, picture: Picture, subject: Subject, names: Collection[str], unsettled: Collection[str]
) -> list[Changing]:
    """What a roll-out has to know of hosts, given how the environment looks."""
    leading = {cell.leader.partition("/")[0] for cell in picture.cells.values()} | {picture.journal.leader}
    for cell in environment.cells.values():
        if not picture.cells[cell.name].leader:  # nobody can tell: then it is led from where it should be
            leading.add(cell.home.host)
    running = environment.cells[subject.cell].running_gateways if subject.cell else ()
    return [
        Changing(
            name,
            environment.hosts[name].arch.value,
            leads=name in leading,
            unsettled=name in unsettled,
            reachable=picture.hosts[name].reachable,
            idle=subject.group == "gateway" and name not in running,
        )
        for name in names
    ]


class _Live:
    """The hosts of a Deployment, for a roll-out."""

    def __init__(
        self,
        context: Context,
        resource_id: str,
        state: Properties,
        news: Properties,
        kept: Kept,
        watch: Watch,
        health_s: float,
    ) -> None:
        self._context, self._resource_id, self._state, self._news = context, resource_id, state, news
        self._kept, self._watch, self._health_s = kept, watch, health_s

    @property
    def interrupted(self) -> bool:
        return self._context.cancellation.requested

    def run(self, names: Sequence[str]) -> Mapping[str, HostOutcome]:
        Unfinished(self._resource_id).begin(names)
        return _run_locked(self._context, self._resource_id, self._news, names).hosts

    def look(self, names: Collection[str]) -> Mapping[str, Wellness]:
        """What is wrong at two looks: a passing trouble would excuse a lasting one of the same thing."""
        first = self._watch.look(names)
        troubled = [name for name, seen in first.items() if seen.complaints]
        if not troubled:
            return first
        time.sleep(_LASTING_S)
        again = self._watch.look(troubled)
        return {**first, **{name: seen.that_lasts(first[name]) for name, seen in again.items()}}

    def settle(self, names: Collection[str], before: Mapping[str, Wellness]) -> dict[str, str]:
        return settle(self._watch.look, names, before, self._health_s, lambda: self.interrupted)

    def take_back(self, name: str, before: Wellness) -> Return:
        total = _applied(self._state).get(name) or (self._state.get("former") or {}).get(name, "")
        try:
            with self._kept.unpacked(total) as inputs:
                now = self._news["hosts"][name]
                inputs["hosts"][name]["address"] = now["address"]
                inputs["bastion"] = self._news.get("bastion")
                same_secrets = inputs.get("secret_digests") == self._news.get("secret_digests")
                run = _run_locked(self._context, self._resource_id, inputs, [name])
        except DingliError as error:
            return Return(f"NOT rolled back: {error}")
        outcome = run.hosts[name]
        if not outcome.done:
            return Return(f"NOT rolled back: {outcome.failure}")
        # Also where nothing had to be changed back: a file that only the new version has stays, and may do harm.
        unwell = self.settle([name], {name: before})
        if unwell:
            return Return(f"rolled back to what it had, and still not well: {unwell[name]}")
        if not same_secrets:
            return Return("rolled back to what it had, but for the passwords, which are the new ones")
        return Return("rolled back to what it had", whole=True)


def _applied(state: Properties) -> dict[str, str]:
    return state.get("applied") or {}


def changed_hosts(state: Properties, news: Properties, hosts: Collection[str]) -> list[str]:
    """Those of `hosts` that have, or had last, something else than what they are to get: they are not new, nor another
    machine than before, and not merely to be repaired."""
    wanted, had = desired(news), {**(state.get("former") or {}), **_applied(state)}
    same = {name for name in hosts if _machine(state, name) in (None, _machine(news, name))}
    return [name for name in hosts if name in had and name in same and had[name] != wanted[name]]


def _machine(properties: Properties, name: str) -> str | None:
    return ((properties.get("hosts") or {}).get(name) or {}).get("machine_id")


def _unsettled(state: Properties, unfinished: Unfinished) -> set[str]:
    return {*(state.get("former") or {}), *unfinished.hosts()}


def reached_state(log: Log, state: Properties, news: Properties, course: Course) -> Properties:
    """The state after `course`. `applied` says what a host surely has, `former` what it had before a change that did
    not come to a good end."""
    wanted, here = desired(news), set(news["hosts"])
    former = {name: total for name, total in (state.get("former") or {}).items() if name in here}
    applied = {name: total for name, total in _applied(state).items() if name in here}
    drift = {name: lines for name, lines in (state.get("drift") or {}).items() if name in here}
    begun = {name: host for name, host in course.outcomes.items() if host.begun}
    for name, host in begun.items():
        drift.pop(name, None)
        before = former.pop(name, None)
        before = applied.pop(name, None) or before
        if host.done:
            applied[name] = wanted[name]
            changed = f"{len(host.changed)} tasks changed something" if host.changed else "no change"
            log.info(f"{name}: {changed}")
        elif name in course.returned and before:
            applied[name] = before
        elif before:
            former[name] = before
    reachable = {name: not host.unreachable for name, host in course.outcomes.items()}
    results = {name: {"done": host.done, "changed": len(host.changed)} for name, host in course.outcomes.items()}
    earlier = {name: result for name, result in (state.get("results") or {}).items() if name in applied}
    return {
        **news,
        "applied": applied,
        "former": former,
        "drift": drift,
        "reachable": {**dict.fromkeys(applied, True), **reachable},
        "results": {**earlier, **results},
    }


def _reasons(context: Context, course: Course) -> list[str]:
    reasons = [f"{name}: {host.failure}" for name, host in course.outcomes.items() if not host.done]
    if context.cancellation.requested and (reasons or course.untouched):
        reasons.insert(0, "interrupted; run `up` again: it carries on with these hosts")
    elif course.untouched:
        reasons.append(
            f"the roll-out stopped, not touched: {', '.join(course.untouched)}; correct the change, and run `up` again"
        )
    return reasons


def _run_locked(context: Context, resource_id: str, inputs: Properties, hosts: Sequence[str]) -> Outcome:
    """Lock each host, run on those that could be locked. A dead host does not stop the others."""
    failed: dict[str, HostOutcome] = {}
    with ExitStack() as locks, ThreadPoolExecutor(_LOCKS_AT_ONCE) as executor:
        waiting = {
            name: executor.submit(_lock, context, resource_id, inputs, name, locks.enter_context) for name in hosts
        }
        for name, lock in waiting.items():
            try:
                lock.result()
            except Cancelled as error:
                failed[name] = HostOutcome(failure=str(error), begun=False)
            except DingliError as error:
                failed[name] = HostOutcome(failure=str(error), unreachable=isinstance(error, Unreachable), begun=False)
        locked = [name for name in hosts if name not in failed]
        try:
            outcome = run_playbook(inputs, locked, check=False, log=context.log, cancellation=context.cancellation)
        except Cancelled as error:
            outcome = Outcome({name: HostOutcome(failure=str(error), begun=False) for name in locked})
    outcome.hosts.update(failed)
    return outcome


def _lock(context: Context, resource_id: str, inputs: Properties, name: str, enter: Callable[[Any], None]) -> None:
    lock = HostLock(target(inputs, name), resource_id, context.log, context.cancellation)
    enter(lock.hold(inputs["hosts"][name]["machine_id"]))
