"""Sites: their roles and their networks."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.model import Site, SiteRole
from dingli.environment.problems import Problem
from dingli.environment.shape import Draft

__all__ = ["networks_are_apart", "roles_are_told_apart"]

MOST_TRADING_SITES = 5


def roles_are_told_apart(draft: Draft) -> Iterator[Problem]:
    """Exactly one primary site; two to five sites that trade."""
    sites = draft.environment.sites.values()
    primaries = [site.name for site in sites if site.role is SiteRole.PRIMARY]
    for name in primaries[1:]:
        found = f"a second primary site beside {primaries[0]!r}"
        yield draft.problem(("sites", name, "role"), found, "one primary site")
    if not draft.intact("sites"):
        return
    trading = sum(site.trading for site in sites)
    if not primaries:
        yield draft.problem(("sites",), "no site with the role primary", "one primary site")
    if not 2 <= trading <= MOST_TRADING_SITES:
        yield draft.problem(("sites",), f"{trading} trading sites", f"two to {MOST_TRADING_SITES}")


def networks_are_apart(draft: Draft) -> Iterator[Problem]:
    """Every network inside the supernet, none overlapping another."""
    supernet = draft.environment.supernet
    sites = list(draft.environment.sites.values())
    for site in sites:
        if not site.network.subnet_of(supernet):
            yield draft.problem(("sites", site.name, "network"), str(site.network), f"a network inside {supernet}")
    # Networks either contain one another or are apart: sorted, it is enough to look at the one that reaches farthest.
    order = {site.name: place for place, site in enumerate(sites)}
    farthest: Site | None = None
    for site in sorted(sites, key=lambda site: (site.network, order[site.name])):
        if farthest is None or not farthest.network.overlaps(site.network):
            farthest = site
            continue
        earlier, later = sorted((farthest, site), key=lambda site: order[site.name])
        found = f"{later.network}, which overlaps {earlier.network} of site {earlier.name!r}"
        yield draft.problem(("sites", later.name, "network"), found, "networks that do not overlap")
