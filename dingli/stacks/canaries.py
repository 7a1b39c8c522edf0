"""A change that concerns hosts of several sites: which of them come first.

The engine runs each site's stack apart. So `dingli up` runs those with canaries first, told to change nothing else, and
all of them when the canaries are well.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from dingli.environment import Environment, SiteRole
from dingli.rollout import Stage, canaries
from dingli.rollout.health import Subject, Watch
from dingli.stacks.backend import Backend, checkpoint_key
from dingli.stacks.checkpoint import resources_in
from dingli.stacks.names import StackName
from dingli.status.picture import Picture
from infra.providers.base.values import from_engine, to_engine
from infra.providers.deployment.application import changed_hosts, changing
from infra.providers.deployment.declared import deployment_inputs, scopes
from infra.providers.deployment.unfinished import Unfinished

__all__ = ["AcrossSites", "across_sites", "changed_of_stack", "choose"]

_PLACES = (SiteRole.DR, SiteRole.STANDBY, SiteRole.PRIMARY, SiteRole.OPS)
"""Where a canary is looked for first: where the fewest depend on it, and it does what others do."""
_ORDER = ("gateway", "core", "ops", "journal", "ipsec", "base")
"""Whose canaries are chosen first: those of a group with few hosts, so that the others' can be the same hosts."""


@dataclass(frozen=True)
class AcrossSites:
    """`first`: what the stacks with canaries are told. `then`: what all are told afterwards."""

    sites: tuple[str, ...]
    first: Stage
    then: Stage

    @property
    def text(self) -> str:
        """For the screen."""
        chosen = (self.first.canaries or {}).items()
        return "; ".join(f"{name} on {', '.join(hosts)}" for name, hosts in chosen)


def across_sites(environment: Environment, stacks: Sequence[StackName], backend: Backend) -> AcrossSites | None:
    """What is done first; None if no group is changed at more than one site."""
    changed: dict[str, dict[str, list[str]]] = {}
    unsettled: set[str] = set()
    for stack in stacks:
        state = backend.read(checkpoint_key(str(stack)))
        for name, (hosts, doubted) in changed_of_stack(environment, stack.site, state).items():
            changed.setdefault(name, {})[stack.site] = hosts
            unsettled |= doubted
    if all(len(sites) < 2 for sites in changed.values()):
        return None
    with Watch(environment, Subject("base")) as watch:
        picture = watch.picture()
    return choose(environment, picture, {name: _joined(sites) for name, sites in changed.items()}, unsettled)


def changed_of_stack(
    environment: Environment, site: str, checkpoint: bytes | None
) -> dict[str, tuple[list[str], set[str]]]:
    """By Deployment, the hosts that are changed by what is declared now, and those among them whose last change did
    not end well. Nothing of a Deployment that does not exist yet."""
    resources = resources_in(checkpoint)
    machine_ids = {name: state.get("machine_id") for name, state in resources.get("rack:index:Host", {}).items()}
    found = {}
    for scope in scopes(environment, site):
        state = resources.get("deployment:index:Deployment", {}).get(scope.name)
        if state is None:
            continue
        ids = {host: machine_ids.get(host) for host in scope.hosts}
        inputs = from_engine(to_engine(deployment_inputs(scope, ids)))  # as the provider sees them
        hosts = changed_hosts(state, inputs, inputs["hosts"])
        if hosts:
            unfinished = Unfinished(f"{environment.name}/{site}/{scope.name}").hosts()
            found[scope.name] = (hosts, {*(state.get("former") or {}), *unfinished} & set(hosts))
    return found


def choose(
    environment: Environment, picture: Picture, changed: Mapping[str, Sequence[str]], unsettled: Collection[str] = ()
) -> AcrossSites:
    """A canary of each Deployment's name and architecture, on as few hosts as possible."""
    chosen: dict[str, tuple[str, ...]] = {}
    for name in sorted(changed, key=lambda name: (_ORDER.index(name.partition("-")[0]), name)):
        preferred = {host for hosts in chosen.values() for host in hosts}
        ordered = sorted(changed[name], key=lambda host: _PLACES.index(environment.site_of(host).role))
        group, _, cell = name.partition("-")
        members = changing(environment, picture, Subject(group, cell or None), ordered, unsettled)
        # A host that is silent can prove nothing, and would hold up all sites.
        chosen[name] = canaries([one for one in members if one.reachable] or members, preferred=preferred)
    sites = {environment.hosts[host].site for hosts in chosen.values() for host in hosts}
    proven = {
        name: tuple(environment.hosts[host].arch.value for host in hosts if host not in unsettled)
        for name, hosts in chosen.items()
    }
    return AcrossSites(tuple(site for site in environment.sites if site in sites), Stage(chosen), Stage(None, proven))


def _joined(sites: Mapping[str, Sequence[str]]) -> list[str]:
    return [host for hosts in sites.values() for host in hosts]
