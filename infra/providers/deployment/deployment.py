"""`deployment:index:Deployment`: one role group of a site, applied to its hosts with ansible-runner."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, ClassVar

from dingli.exceptions import DingliError
from dingli.ssh import Unreachable
from infra.providers.base.exceptions import Cancelled, Incomplete
from infra.providers.base.resource import Context, Difference, Failure, Properties, ReadResult, ResourceType
from infra.providers.base.values import Unknown, contains_unknown
from infra.providers.deployment.declared import import_inputs, resource_id_of
from infra.providers.deployment.digest import desired, pending
from infra.providers.deployment.host_lock import HostLock
from infra.providers.deployment.inventory import target
from infra.providers.deployment.outcome import HostOutcome, Outcome
from infra.providers.deployment.playbook import list_tasks, run_playbook
from infra.providers.deployment.unfinished import Unfinished

__all__ = ["DeploymentType"]

_TEXT: dict[str, Any] = {"type": "string"}
_MAP: dict[str, Any] = {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}
_LOCKS_AT_ONCE = 16


class DeploymentType(ResourceType):
    """Inputs as `declared.deployment_inputs` gives them. Outputs: `applied` (host: sum of what it has), `results`,
    `drift` (host: what differs), `reachable` (host: bool)."""

    token: ClassVar[str] = "deployment:index:Deployment"  # noqa: S105 - a type
    required: ClassVar[Sequence[str]] = ("environment", "site", "group", "playbook", "hosts", "vars", "content")
    inputs: ClassVar[dict[str, dict[str, Any]]] = {
        **dict.fromkeys(("environment", "site", "group", "playbook", "cell"), _TEXT),
        **{"hosting": _TEXT, "data_level": {"type": "integer"}},  # for infra/policies; nothing on the hosts
        **dict.fromkeys(("hosts", "vars", "content", "artifacts", "secret_digests", "bastion", "groups"), _MAP),
    }
    outputs: ClassVar[dict[str, dict[str, Any]]] = dict.fromkeys(("applied", "results", "drift", "reachable"), _MAP)

    def check(self, news: Properties) -> Sequence[Failure]:
        hosts = news.get("hosts")
        if not isinstance(hosts, dict):
            return ()
        incomplete = [
            name for name, host in hosts.items() if isinstance(host, dict) and not {"address", "vars"} <= set(host)
        ]
        return [Failure("hosts", f"{name} has no address or no vars") for name in incomplete]

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        replaced = [name for name in ("environment", "site", "group", "cell") if state.get(name) != news.get(name)]
        if contains_unknown(news):
            return Difference(["hosts", *replaced], replaced, delete_before_replace=True)
        gone = set(state.get("applied") or {}) - set(news["hosts"])
        waiting = _pending(state, news)
        if not (waiting or gone or replaced):
            return Difference()
        inputs = ("hosts", "vars", "groups", "content", "artifacts", "secret_digests")
        changed = [name for name in inputs if state.get(name) != news.get(name)]
        if any((state.get("drift") or {}).get(name) for name in waiting):
            changed.append("drift")
        return Difference([*replaced, *(changed or ["applied"])], replaced, delete_before_replace=True)

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        if context.preview or contains_unknown(news):
            _tell_plan(context, news)
            return "", {**news, "applied": Unknown(), "results": Unknown(), "drift": {}, "reachable": Unknown()}
        resource_id = resource_id_of(news)
        return resource_id, _apply(context, resource_id, {}, news, list(news["hosts"]))

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        if contains_unknown(news):
            context.log.info("which tasks would change cannot be told before the hosts are adopted: not simulated")
            return {**state, **news}
        if context.preview:
            _tell_changes(context, state, news)
            return {**state, **news}
        return _apply(context, resource_id, state, news, _pending(state, news))

    def read(self, context: Context, resource_id: str, state: Properties, inputs: Properties) -> ReadResult:
        imported = not state
        if imported:
            inputs = import_inputs(resource_id)
            state = dict(inputs)
        hosts = list(inputs["hosts"]) if imported else list(state.get("applied") or {})
        outcome = run_playbook(state, hosts, check=True, log=context.log, cancellation=context.cancellation)
        for name, host in outcome.hosts.items():
            for line in _drift_of(host):
                context.log.info(f"{name}: {'drift' if host.done else 'cannot tell'}: {line}")
        reachable = {name: not host.unreachable for name, host in outcome.hosts.items()}
        drift = {name: _drift_of(host) for name, host in outcome.hosts.items() if not host.unreachable}
        seen = {**state, "drift": {name: lines for name, lines in drift.items() if lines}, "reachable": reachable}
        if imported:
            wanted = desired(inputs)
            seen |= {"results": {}, "applied": {name: wanted[name] for name in drift if not drift[name]}}
        return ReadResult(resource_id, seen, inputs)

    def delete(self, context: Context, resource_id: str, state: Properties) -> None:
        names = ", ".join(state["hosts"])
        context.log.info(
            f"{state['group']}: what the roles configured stays on {names}; only the record of it is removed"
        )


def _pending(state: Properties, news: Properties) -> list[str]:
    """The hosts that need a run, those included on which one was cut short."""
    waiting = {*pending(state, news), *Unfinished(resource_id_of(news)).hosts()}
    return [name for name in news["hosts"] if name in waiting]


def _drift_of(host: HostOutcome) -> list[str]:
    if host.unreachable:
        return [f"not reachable ({host.failure}); its last known state is kept"]
    if host.failure is not None:
        return [*host.changed, f"cannot tell: {host.failure}"]
    return list(host.changed)


def _tell_plan(context: Context, news: Properties) -> None:
    names = "hosts that are not known yet" if isinstance(news["hosts"], Unknown) else ", ".join(news["hosts"])
    tasks = list_tasks({**news, "hosts": {} if isinstance(news["hosts"], Unknown) else news["hosts"]})
    lines = "".join(f"\n  {task}" for task in tasks)
    context.log.info(f"would run {len(tasks)} tasks on {names}; not simulated:{lines}")


def _tell_changes(context: Context, state: Properties, news: Properties) -> None:
    """Per host, the tasks that would change something. What a refresh has just found is not looked for again."""
    waiting, applied, wanted = _pending(state, news), state.get("applied") or {}, desired(news)
    drifted = [name for name in waiting if applied.get(name) == wanted[name] and name in (state.get("drift") or {})]
    for name in drifted:
        _tell_host(context, name, state["drift"][name])
    rest = [name for name in waiting if name not in drifted]
    outcome = run_playbook(news, rest, check=True, log=context.log, cancellation=context.cancellation)
    for name, host in outcome.hosts.items():
        _tell_host(context, name, _drift_of(host))


def _tell_host(context: Context, name: str, lines: Collection[str]) -> None:
    for line in lines:
        context.log.info(f"{name}: {line}" if line.startswith("cannot tell") else f"{name}: would change: {line}")
    if not lines:
        context.log.info(f"{name}: no task would change anything")


def _apply(context: Context, resource_id: str, state: Properties, news: Properties, hosts: Sequence[str]) -> Properties:
    """Run on `hosts`. Raises `Incomplete` with the state reached if not all of them are done."""
    context.cancellation.raise_if_requested()
    kept = {name: value for name, value in (state.get("applied") or {}).items() if name in news["hosts"]}
    drift = {name: lines for name, lines in (state.get("drift") or {}).items() if name in news["hosts"]}
    unfinished = Unfinished(resource_id)
    unfinished.begin(hosts)
    outcome = _run_locked(context, resource_id, news, hosts)
    if not context.cancellation.requested:
        unfinished.end()
    wanted = desired(news)
    for name, host in outcome.hosts.items():
        kept.pop(name, None)
        drift.pop(name, None)
        if host.done:
            kept[name] = wanted[name]
            context.log.info(
                f"{name}: {len(host.changed)} tasks changed something" if host.changed else f"{name}: no change"
            )
    reached = {
        **news,
        "applied": kept,
        "drift": drift,
        "reachable": {
            **dict.fromkeys(kept, True),
            **{name: not host.unreachable for name, host in outcome.hosts.items()},
        },
        "results": {
            **{name: result for name, result in (state.get("results") or {}).items() if name in kept},
            **{name: {"done": host.done, "changed": len(host.changed)} for name, host in outcome.hosts.items()},
        },
    }
    reasons = [f"{name}: {host.failure}" for name, host in outcome.hosts.items() if not host.done]
    if reasons and context.cancellation.requested:
        reasons.insert(0, "interrupted; run `up` again: it carries on with these hosts")
    if reasons:
        raise Incomplete(resource_id, reached, reasons)
    return reached


def _run_locked(context: Context, resource_id: str, news: Properties, hosts: Sequence[str]) -> Outcome:
    """Lock each host, run on those that could be locked. A dead host does not stop the others."""
    failed: dict[str, HostOutcome] = {}
    with ExitStack() as locks, ThreadPoolExecutor(_LOCKS_AT_ONCE) as executor:
        waiting = {
            name: executor.submit(_lock, context, resource_id, news, name, locks.enter_context) for name in hosts
        }
        for name, lock in waiting.items():
            try:
                lock.result()
            except Cancelled as error:
                failed[name] = HostOutcome(failure=str(error))
            except DingliError as error:
                failed[name] = HostOutcome(failure=str(error), unreachable=isinstance(error, Unreachable))
        locked = [name for name in hosts if name not in failed]
        try:
            outcome = run_playbook(news, locked, check=False, log=context.log, cancellation=context.cancellation)
        except Cancelled as error:
            outcome = Outcome({name: HostOutcome(failure=str(error)) for name in locked})
    outcome.hosts.update(failed)
    return outcome


def _lock(context: Context, resource_id: str, news: Properties, name: str, enter: Callable[[Any], None]) -> None:
    lock = HostLock(target(news, name), resource_id, context.log, context.cancellation)
    enter(lock.hold(news["hosts"][name]["machine_id"]))
