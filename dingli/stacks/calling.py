"""Sites on demand: `up --call SITE` has all their machines made, the next `up` without it takes them away again."""

from __future__ import annotations

from collections.abc import Sequence

from dingli.cell import CellError, observe
from dingli.environment import Environment, Readiness, Site
from dingli.environment.readiness import called_sites
from dingli.exceptions import DingliError, InputError
from dingli.stacks.backend import Backend, checkpoint_key
from dingli.stacks.checkpoint import INSTANCE, resources_in
from dingli.stacks.names import StackName
from dingli.stacks.operation import Choice

__all__ = ["going", "instances", "require_led_elsewhere", "sites_to_call"]


def sites_to_call(environment: Environment, choice: Choice) -> tuple[str, ...]:
    """The sites that are called from now on: those asked for, and those of before that this `up` leaves alone.

    Raises InputError for one that cannot be called.
    """
    for name in choice.call:
        if not _can_be_called(environment.sites.get(name)):
            able = [site.name for site in environment.sites.values() if _can_be_called(site)]
            raise InputError(
                f"--call {name}",
                f"a site on demand: {', '.join(able)}" if able else "a site with `readiness: on_demand`; there is none",
                "correct --call",
            )
        if choice.sites and name not in choice.sites:
            raise InputError(f"--call {name} without its stack", f"`--site {name}`, too", "or no --site at all")
    kept = [name for name in called_sites(environment.name) if choice.sites and name not in choice.sites]
    return tuple(name for name in environment.sites if name in (*choice.call, *kept))


def _can_be_called(site: Site | None) -> bool:
    return site is not None and site.readiness is Readiness.ON_DEMAND


def instances(backend: Backend, stack: StackName) -> list[str]:
    """The hosts whose instances a stack has made."""
    return list(resources_in(backend.read(checkpoint_key(str(stack)))).get(INSTANCE, ()))


def going(environment: Environment, stacks: Sequence[StackName], backend: Backend) -> list[str]:
    """The hosts whose instances the stacks have, and would not have in `environment`: an `up` to it removes them."""
    return [host for stack in stacks for host in instances(backend, stack) if host not in _made(environment, stack)]


def _made(environment: Environment, stack: StackName) -> set[str]:
    site = environment.sites[stack.site]
    return {host.name for host in environment.hosts_at(site.name)} if site.made else set()


def require_led_elsewhere(environment: Environment, hosts: Sequence[str]) -> None:
    """Raises DingliError if a cell is led from one of the hosts, or nobody can tell."""
    for cell in environment.cells:
        try:
            leader = observe(environment, cell, members=False).leader
        except CellError as error:
            raise DingliError(
                f"{', '.join(hosts)} would go, and who leads {cell} is not known: {error.found}",
                "cells that are led from hosts that stay",
                "`dingli up --call SITE` keeps what is there; `dingli destroy --site SITE` asks no cell",
            ) from None
        if leader.partition("/")[0] in hosts:
            raise DingliError(
                f"{leader} leads {cell}, and its host would go",
                "a cell that is led from a host that stays",
                f"`dingli switch {cell} --to CORE` first, or keep the site: `dingli up --call SITE`",
            )
