"""The journal: three or five members, so placed that losing any one site loses nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from dingli.environment.problems import Problem, near_miss
from dingli.environment.shape import Draft

__all__ = ["members_are_hosts", "survives_any_site"]


def members_are_hosts(draft: Draft) -> Iterator[Problem]:
    """Three or five declared hosts, each once."""
    members = draft.environment.journal.members
    if draft.intact("journal") and len(members) not in (3, 5):
        yield draft.problem(("journal", "members"), f"{len(members)} members", "three or five")
    seen: set[str] = set()
    for place, name in draft.items(("journal", "members"), members):
        if name in seen:
            yield draft.problem(place, f"{name!r} a second time", "each member once")
        elif not draft.declares("hosts", name):
            known = draft.names("hosts")
            yield draft.problem(place, f"the unknown host {name!r}", f"a declared host{near_miss(name, known)}")
        seen.add(name)


def survives_any_site(draft: Draft) -> Iterator[Problem]:
    """No site holds a majority, unless `majority_site` says that it is meant."""
    environment, chosen = draft.environment, draft.environment.journal.majority_site
    place = ("journal", "majority_site")
    if chosen is not None and not draft.declares("sites", chosen):
        known = draft.names("sites")
        yield draft.problem(place, f"the unknown site {chosen!r}", f"a declared site{near_miss(chosen, known)}")
        return
    members = environment.journal.members
    if not draft.intact("journal") or any(name not in environment.hosts for name in members):
        return
    held = Counter(environment.hosts[name].site for name in members)
    majority = len(members) // 2 + 1
    heavy = next((site for site, count in held.items() if count >= majority), None)
    if heavy is not None and chosen is None:
        yield draft.problem(("journal", "members"), _majority(draft, heavy, held[heavy]), _remedy(draft))
    elif chosen is not None and chosen != heavy:
        found = f"{chosen!r}, which holds {held[chosen]} of {len(members)}"
        yield draft.problem(place, found, "a site with a majority")


def _majority(draft: Draft, site: str, count: int) -> str:
    total = len(draft.environment.journal.members)
    return f"{count} of {total} members at {site!r}, a majority: losing it stops trading"


def _remedy(draft: Draft) -> str:
    trading = sum(site.trading for site in draft.environment.sites.values())
    if trading == 2:
        return (
            "with two trading sites, a witness at a third site (ops or elsewhere), or journal.majority_site,"
            " which says that losing that site needs promotion by hand"
        )
    return "no site with a majority, or journal.majority_site to say that it is meant"
