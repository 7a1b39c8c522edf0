"""Cutting lines between sites where their carrier would: on the router, between the addresses at their ends.

Nothing of it is seen at the hosts but that no packet comes any more, whether it is a key exchange or what it protects.
"""

from __future__ import annotations

from collections.abc import Iterable

from lab.command import run
from lab.layout import LabLine
from lab.network import ROUTER

__all__ = ["cut_only", "ruleset"]

_NONE = "table ip cuts\ndelete table ip cuts\n"


def cut_only(lines: Iterable[LabLine]) -> None:
    """These lines carry nothing from here on, and all others do."""
    run(["ip", "netns", "exec", ROUTER, "nft", "-f", "-"], stdin=ruleset(lines).encode())


def ruleset(lines: Iterable[LabLine]) -> str:
    """Everything for `nft -f`; it replaces what was there at once."""
    drops = [
        f'    ip saddr {source} ip daddr {destination} counter drop comment "{line.name}"'
        for line in lines
        for source, destination in ((line.one, line.other), (line.other, line.one))
    ]
    if not drops:
        return _NONE
    hook = "    type filter hook prerouting priority -400; policy accept;"
    return "\n".join([_NONE + "table ip cuts {", "  chain prerouting {", hook, *drops, "  }", "}", ""])
