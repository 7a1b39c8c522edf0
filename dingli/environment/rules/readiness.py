"""Sites on demand: that something is left out of them, and nothing that is needed always."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.classification import Readiness
from dingli.environment.model import Environment, SiteRole, Takeover
from dingli.environment.problems import Problem
from dingli.environment.shape import Draft

__all__ = ["nothing_needed_is_left_out", "sites_can_be_called"]


def sites_can_be_called(draft: Draft) -> Iterator[Problem]:
    """Machines that can be made, at a site that nobody needs until it is called."""
    environment = draft.environment
    for site in environment.sites.values():
        place = ("sites", site.name, "readiness")
        if site.readiness is Readiness.WARM:
            continue
        if not site.made and draft.intact("sites", site.name, "hosting"):
            found = f"{site.readiness.value} on {site.name!r}, a site of racks: its machines exist"
            yield draft.problem(place, found, "`hosting: industry` on the site, or warm")
        if site.role is not SiteRole.DR and draft.intact("sites", site.name, "role"):
            found = f"{site.readiness.value} on {site.name!r}, whose role is {site.role.value}"
            yield draft.problem(place, found, "role dr: what the others do cannot wait for machines")
        hosts = [host.name for host in environment.hosts_at(site.name)]
        if draft.intact("hosts") and draft.intact("journal") and not any(map(environment.on_call, hosts)):
            found = f"{site.readiness.value}, and no host that could be left out: all are members of the journal"
            yield draft.problem(place, found, f"another host at {site.name!r} for cores and gateways, or warm")


def nothing_needed_is_left_out(draft: Draft) -> Iterator[Problem]:
    """Who leads by itself, keeps heads of the evidence or takes members' orders every day is there always."""
    environment = draft.environment
    if not (draft.intact("sites") and draft.intact("hosts") and draft.intact("journal")):
        return
    for cell in environment.cells.values():
        for place, core in draft.items(("cells", cell.name, "cores"), cell.cores):
            if core.takeover is Takeover.AUTOMATIC and _is_on_call(environment, core.host):
                found = f"automatic, on {core.host!r}, which exists only while its site is called"
                yield draft.problem((*place, "takeover"), found, "manual")
        running = cell.running_gateways
        if running and all(_is_on_call(environment, host) for host in running):
            found = f"{', '.join(running)}, which exist only while their site is called"
            yield draft.problem(("cells", cell.name, "gateways"), found, "a gateway that runs, on a host that is there")
    kept_on = environment.logs.host
    if kept_on is not None and draft.intact("logs") and _is_on_call(environment, kept_on):
        found = f"{kept_on!r}, which exists only while its site is called"
        yield draft.problem(("logs", "host"), found, "a host that is there")
    for place, host in draft.items(("witnesses",), environment.witnesses or ()):
        if _is_on_call(environment, host):
            yield draft.problem(place, f"{host!r}, which exists only while its site is called", "a host that is there")
    for place, line in draft.items(("lines",), environment.lines):
        for index, host in enumerate(line.gateways):
            if _is_on_call(environment, host):
                found = f"{host!r}, which exists only while its site is called: without it the site is cut off"
                yield draft.problem((*place, "gateways", index), found, "a host that is there: the journal's member")


def _is_on_call(environment: Environment, host: str) -> bool:
    return host in environment.hosts and environment.hosts[host].site in environment.sites and environment.on_call(host)
