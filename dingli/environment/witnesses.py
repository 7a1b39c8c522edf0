"""The hosts that keep the heads of the evidence."""

from __future__ import annotations

from dingli.environment.model import Environment, SiteRole

__all__ = ["witness_hosts"]

_PREFERRED = (SiteRole.STANDBY, SiteRole.DR, SiteRole.PRIMARY)
_FEWEST_SITES = 2


def witness_hosts(environment: Environment) -> tuple[str, ...]:
    """The declared witnesses, or else the first host that is not emulated of two trading sites.

    The ops site is left out: the controller stands there, and a head beside the evidence proves nothing.
    """
    if environment.witnesses is not None:
        return environment.witnesses
    found: list[str] = []
    sites = [site for role in _PREFERRED for site in environment.sites.values() if site.role is role]
    for site in sites:
        hosts = environment.hosts_at(site.name)
        able = [host.name for host in hosts if not host.emulated and not environment.on_call(host.name)]
        found += able[:1]
    return tuple(found[:_FEWEST_SITES])
