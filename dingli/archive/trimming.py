"""What may be removed from etcd as far as the archive can say; the hosts' control program asks the cell itself."""

from __future__ import annotations

from dataclasses import dataclass

from dingli.archive.chain import Chain, Link
from dingli.archive.exceptions import ArchiveError

__all__ = ["TrimPlan", "plan_trim"]

_HOUR_NS = 3_600 * 10**9


@dataclass(frozen=True)
class TrimPlan:
    """Entries 1 to `to`, whose segments are `links`; `hash` is H(to), as the segment behind them states it."""

    to: int
    hash: str
    links: list[Link]


def plan_trim(chain: Chain, older_than_hours: int, now_ns: int) -> TrimPlan:
    """Whole segments that are old enough, but never the newest one: the archiver goes on behind it."""
    if not chain.whole or chain.findings:
        found = chain.findings[0] if chain.findings else f"the archive of journal {chain.name} is not whole"
        raise ArchiveError(found, "an archive in which nothing is missing or odd", "`dingli archive verify`")
    limit = now_ns - older_than_hours * _HOUR_NS
    old = [link for link in chain.links[:-1] if link.header.last_time_ns <= limit]
    if not old:
        raise ArchiveError(
            f"no archived segment of journal {chain.name} but the newest is older than {older_than_hours} hours",
            "one at least",
            "wait, or lower `archive.trim_after_hours`",
        )
    return TrimPlan(old[-1].header.last, chain.links[len(old)].header.hash_before, old)
