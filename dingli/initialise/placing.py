"""Which host runs what: journal members, cores and gateways, so placed that losing any one site loses nothing."""

from __future__ import annotations

from dataclasses import dataclass

from dingli.exceptions import InputError
from dingli.initialise.answers import Answers, Machine, Place

__all__ = ["CorePlace", "cores", "gateways", "journal_members"]

_ROLES = ("primary", "standby", "dr")
_FEWEST_CORES, _FEWEST_SITES, _MOST_SITES = 3, 2, 5
_LEASE_S = {"main": 1, "minimal": 2}
_EMULATED_LEASE_S = 20


@dataclass(frozen=True)
class CorePlace:
    """One core of a cell."""

    host: str
    kind: str
    takeover: str
    lease_s: int


def trading_sites(answers: Answers) -> list[Place]:
    """Sites that trade, the primary first, each with a host. InputError: too few, or one is empty."""
    found = sorted((site for site in answers.sites if site.role in _ROLES), key=lambda site: _ROLES.index(site.role))
    if not _FEWEST_SITES <= len(found) <= _MOST_SITES:
        raise InputError(
            f"{len(found)} trading sites", f"{_FEWEST_SITES} to {_MOST_SITES}", "add or leave out a --site"
        )
    empty = [site.name for site in found if not answers.at(site.name)]
    if empty:
        raise InputError(
            f"no host at {', '.join(empty)}", "a host at every trading site", "add --host NAME=SITE,ADDRESS"
        )
    return found


def journal_members(answers: Answers) -> list[str]:
    """Five with five trading sites, otherwise three: one at each of the first, and a witness where only two trade."""
    sites = trading_sites(answers)
    members = [answers.at(site.name)[0].name for site in sites]
    if len(sites) == _FEWEST_SITES:
        return [*members, _witness(answers)]
    return members if len(sites) == _MOST_SITES else members[:3]


def _witness(answers: Answers) -> str:
    ops = [host.name for site in answers.sites if not site.trading for host in answers.at(site.name)]
    if answers.witness in ops or (not answers.witness and ops):
        return answers.witness or ops[0]
    raise InputError(
        f"the witness {answers.witness!r}" if answers.witness else "two trading sites and no third place for a witness",
        "with two trading sites, a host at an ops site that is the journal's third member",
        "add --site ops=ops,CITY,NETWORK and --host ops-1=ops,ADDRESS",
    )


def cores(answers: Answers) -> list[CorePlace]:
    """One core at every trading site, at least three in all; a main core at the primary, minimal ones beside it.

    A second main core stands at another site: the operator's program comes with main cores, and must not be lost
    with the primary.
    """
    sites = trading_sites(answers)
    chosen = [(site, _first(answers.at(site.name), want_x86=site.role != "standby")) for site in sites]
    taken = {host.name for _, host in chosen}
    spare = [
        (site, host) for site in [*sites[1:], sites[0]] for host in answers.at(site.name) if host.name not in taken
    ]
    chosen += spare[: max(0, _FEWEST_CORES - len(chosen))]
    if len(chosen) < _FEWEST_CORES:
        raise InputError(
            f"{len(chosen)} hosts on trading sites", f"at least {_FEWEST_CORES}: a cell has three cores", "add a --host"
        )
    primary = sites[0].name
    placed = [_core(site, host, leads=site.name == primary and index == 0) for index, (site, host) in enumerate(chosen)]
    away = [index for index, (site, host) in enumerate(chosen) if site.name != primary and not host.emulated]
    if away and sum(core.kind == "main" for core in placed) == 1:
        site, host = chosen[away[-1]]
        placed[away[-1]] = _core(site, host, leads=True)
    return placed


def _first(hosts: list[Machine], *, want_x86: bool) -> Machine:
    return next((host for host in hosts if not want_x86 or host.arch == "x86_64"), hosts[0])


def _core(site: Place, host: Machine, *, leads: bool) -> CorePlace:
    kind = "main" if leads or (site.role == "dr" and host.arch == "x86_64" and not host.emulated) else "minimal"
    takeover = "manual" if site.role == "dr" else "automatic"
    return CorePlace(host.name, kind, takeover, _EMULATED_LEASE_S if host.emulated else _LEASE_S[kind])


def gateways(answers: Answers) -> list[str]:
    """One at every trading site, on a host without a core if there is one, and none that is emulated if that can be."""
    busy = {core.host for core in cores(answers)}
    return [
        min(answers.at(site.name), key=lambda host: (host.emulated, host.name in busy)).name
        for site in trading_sites(answers)
    ]
