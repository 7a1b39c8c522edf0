"""Cells: where their cores and gateways stand, what they trade, and with whom."""

from __future__ import annotations

from collections.abc import Iterator

from dingli.environment.document import KeyPath
from dingli.environment.model import CoreKind, Instrument, Takeover
from dingli.environment.problems import Problem, near_miss
from dingli.environment.shape import Draft

__all__ = [
    "cores_are_enough",
    "cores_are_placed",
    "gateways_are_placed",
    "instruments_are_possible",
    "sessions_are_told_apart",
]

FEWEST_CORES = 3
_INT64_MAX = 2**63 - 1


def cores_are_placed(draft: Draft) -> Iterator[Problem]:
    """A core stands on a declared host of a trading site, one of its cell on each."""
    for cell in draft.environment.cells.values():
        seen: set[str] = set()
        for place, core in draft.items(("cells", cell.name, "cores"), cell.cores):
            yield from _placed(draft, (*place, "host"), core.host, "core")
            if core.host in seen:
                found = f"a second core of {cell.name!r} on {core.host!r}"
                yield draft.problem((*place, "host"), found, "one core of a cell on a host")
            seen.add(core.host)


def cores_are_enough(draft: Draft) -> Iterator[Problem]:
    """At least three cores, one per trading site, one of them a main core that takes over by itself."""
    sites, hosts = draft.environment.sites, draft.environment.hosts
    for cell in draft.environment.cells.values():
        place = ("cells", cell.name, "cores")
        if not draft.intact(*place):
            continue
        if len(cell.cores) < FEWEST_CORES:
            yield draft.problem(place, f"{len(cell.cores)} cores", f"at least {FEWEST_CORES}")
        if not any(core.kind is CoreKind.MAIN and core.takeover is Takeover.AUTOMATIC for core in cell.cores):
            yield draft.problem(place, "no main core with automatic takeover", "at least one")
        if not draft.intact("hosts") or any(core.host not in hosts for core in cell.cores):
            continue
        if any(hosts[core.host].site not in sites for core in cell.cores):
            continue
        served = {hosts[core.host].site for core in cell.cores}
        for site in sites.values():
            if site.trading and site.name not in served:
                yield draft.problem(place, f"no core at site {site.name!r}", "at least one core at every trading site")


def gateways_are_placed(draft: Draft) -> Iterator[Problem]:
    """At least one gateway; each on a declared host of a trading site, each once."""
    for cell in draft.environment.cells.values():
        place: KeyPath = ("cells", cell.name, "gateways")
        if not cell.gateways and draft.intact(*place):
            yield draft.problem(place, "no gateway", "at least one host")
        seen: set[str] = set()
        for item, host in draft.items(place, cell.gateways):
            yield from _placed(draft, item, host, "gateway")
            if host in seen:
                yield draft.problem(item, f"{host!r} a second time", "each gateway once")
            seen.add(host)
        if (cell.gateways_running or 0) > len(cell.gateways) and draft.intact(*place):
            found = f"{cell.gateways_running} of {len(cell.gateways)} gateways"
            yield draft.problem(("cells", cell.name, "gateways_running"), found, f"1 to {len(cell.gateways)}")


def instruments_are_possible(draft: Draft) -> Iterator[Problem]:
    """Price bounds are ordered and multiples of the tick, a turnover fits 64 bits, a symbol belongs to one cell."""
    owner: dict[str, str] = {}
    for cell in draft.environment.cells.values():
        place: KeyPath = ("cells", cell.name, "instruments")
        if not cell.instruments and draft.intact(*place):
            yield draft.problem(place, "no instrument", "at least one")
        for item, instrument in draft.items(place, cell.instruments):
            if instrument.symbol in owner:
                found = f"{instrument.symbol!r}, which cell {owner[instrument.symbol]!r} has"
                yield draft.problem((*item, "symbol"), found, "each symbol once, in one cell")
            owner.setdefault(instrument.symbol, cell.name)
            yield from _bounds(draft, item, instrument)


def _bounds(draft: Draft, place: KeyPath, instrument: Instrument) -> Iterator[Problem]:
    for key, price in (("min_price", instrument.min_price), ("max_price", instrument.max_price)):
        if price % instrument.tick:
            yield draft.problem((*place, key), str(price), f"a multiple of the tick {instrument.tick}")
    if instrument.min_price > instrument.max_price:
        found = f"{instrument.max_price}, below min_price {instrument.min_price}"
        yield draft.problem((*place, "max_price"), found, "at least min_price")
    if instrument.max_price * instrument.max_quantity > _INT64_MAX:
        found = f"max_price times max_quantity of {instrument.max_price * instrument.max_quantity}"
        yield draft.problem((*place, "max_quantity"), found, f"at most {_INT64_MAX}")


def sessions_are_told_apart(draft: Draft) -> Iterator[Problem]:
    """At least one session; each name once in its cell."""
    for cell in draft.environment.cells.values():
        place: KeyPath = ("cells", cell.name, "sessions")
        if not cell.sessions and draft.intact(*place):
            yield draft.problem(place, "no session", "at least one")
        seen: set[str] = set()
        for item, session in draft.items(place, cell.sessions):
            if session in seen:
                yield draft.problem(item, f"{session!r} a second time", "each session name once")
            seen.add(session)


def _placed(draft: Draft, place: KeyPath, host: str, what: str) -> Iterator[Problem]:
    """Breaches of: `host` is declared, and its site trades."""
    if not draft.declares("hosts", host):
        hint = near_miss(host, draft.names("hosts"))
        yield draft.problem(place, f"a {what} on the undeclared host {host!r}", f"a declared host{hint}")
        return
    declared = draft.environment.hosts.get(host)
    site = draft.environment.sites.get(declared.site) if declared else None
    if site is not None and not site.trading:
        yield draft.problem(place, f"a {what} on {host!r}, which stands on the ops site", "a host of a trading site")
