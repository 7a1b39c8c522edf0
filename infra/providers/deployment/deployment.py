"""`deployment:index:Deployment`: one role group of a site, applied to its hosts with ansible-runner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from dingli.rollout import Stage
from infra.providers.base.resource import Context, Difference, Failure, Properties, ReadResult, ResourceType
from infra.providers.base.values import Unknown, contains_unknown
from infra.providers.deployment.application import apply
from infra.providers.deployment.declared import import_inputs, name_of, resource_id_of
from infra.providers.deployment.digest import desired, pending
from infra.providers.deployment.kept import Kept
from infra.providers.deployment.outcome import HostOutcome
from infra.providers.deployment.playbook import list_tasks, run_playbook
from infra.providers.deployment.unfinished import Unfinished

__all__ = ["DeploymentType"]

_TEXT: dict[str, Any] = {"type": "string"}
_MAP: dict[str, Any] = {"type": "object", "additionalProperties": {"$ref": "pulumi.json#/Any"}}
_OUTPUTS = ("applied", "former", "results", "drift", "reachable")


class DeploymentType(ResourceType):
    """Inputs as `declared.deployment_inputs` gives them. Outputs: `applied` (host: sum of what it has), `former`
    (host: sum of what it had before a change that failed), `results`, `drift` (host: what differs), `reachable`."""

    token: ClassVar[str] = "deployment:index:Deployment"  # noqa: S105 - a type
    required: ClassVar[Sequence[str]] = ("environment", "site", "group", "playbook", "hosts", "vars", "content")
    inputs: ClassVar[dict[str, dict[str, Any]]] = {
        **dict.fromkeys(("environment", "site", "group", "playbook", "cell", "vars", "groups"), _TEXT),
        **{"hosting": _TEXT, "data_level": {"type": "integer"}},  # for infra/policies; nothing on the hosts
        **dict.fromkeys(("hosts", "content", "artifacts", "secret_digests", "bastion"), _MAP),
    }
    outputs: ClassVar[dict[str, dict[str, Any]]] = dict.fromkeys(_OUTPUTS, _MAP)

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
            Kept(resource_id_of(news)).keep(news, list(news["hosts"]))  # deployed by whom- and however: it can be again
        if not (waiting or gone or replaced) or not Stage.current().concerns(name_of(news)):
            return Difference()
        inputs = ("hosts", "vars", "groups", "content", "artifacts", "secret_digests")
        changed = [name for name in inputs if state.get(name) != news.get(name)]
        if any((state.get("drift") or {}).get(name) for name in waiting):
            changed.append("drift")
        return Difference([*replaced, *(changed or ["applied"])], replaced, delete_before_replace=True)

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        if context.preview or contains_unknown(news):
            _tell_plan(context, news)
            return "", {**news, **dict.fromkeys(_OUTPUTS, Unknown()), "drift": {}}
        resource_id = resource_id_of(news)
        now = Stage.current().of(name_of(news), list(news["hosts"]))
        return resource_id, apply(context, resource_id, {}, news, now)

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        if contains_unknown(news):
            context.log.info("which tasks would change cannot be told before the hosts are adopted: not simulated")
            return {**state, **news}
        if context.preview:
            _tell_changes(context, state, news)
            return {**state, **news}
        now = Stage.current().of(name_of(news), _pending(state, news))
        return apply(context, resource_id, state, news, now)

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
