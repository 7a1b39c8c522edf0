"""The network: flows that are declared by themselves lead from and to what exists."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from dingli.environment.access import Protocol
from dingli.environment.document import KeyPath
from dingli.environment.problems import Problem, near_miss, shown
from dingli.environment.shape import Draft

__all__ = ["ends_exist", "extra_flows_have_ports"]


def ends_exist(draft: Draft) -> Iterator[Problem]:
    """Both ends of every flow in `network.also` are hosts or networks, and one of them a host of the environment."""
    hosts = draft.environment.hosts.values()
    for place, flow in draft.items(("network", "also"), draft.environment.network.also):
        ends = [_end(draft, (*place, key), getattr(flow, key)) for key in ("source", "destination")]
        yield from (end for end in ends if isinstance(end, Problem))
        networks = [end for end in ends if isinstance(end, IPv4Network)]
        touched = any(host.address in network for host in hosts for network in networks)
        if len(networks) == 2 and not touched and draft.intact("hosts"):
            found = f"a flow from {flow.source} to {flow.destination}, in which no declared host has a part"
            yield draft.problem(place, found, "a host of the environment at one end")


def extra_flows_have_ports(draft: Draft) -> Iterator[Problem]:
    """ESP belongs to declared lines and has no ports."""
    for place, flow in draft.items(("network", "also"), draft.environment.network.also):
        if flow.protocol is Protocol.ESP:
            expected = "tcp or udp: flows of encrypted lines follow from lines"
            yield draft.problem((*place, "protocol"), "esp, which has no ports", expected)


def _end(draft: Draft, place: KeyPath, end: str) -> IPv4Network | Problem | None:
    """The network of an end; None for a host that is declared with mistakes."""
    if "/" in end:
        try:
            return IPv4Network(end)
        except ValueError:
            return draft.problem(place, shown(end), "an IPv4 network without host bits, such as 10.0.0.0/24")
    host = draft.environment.hosts.get(end)
    if host is not None:
        return IPv4Network(host.address)
    if draft.declares("hosts", end):
        return None
    known = draft.names("hosts")
    return draft.problem(
        place, f"the unknown host {shown(end)}", f"a declared host or a network{near_miss(end, known)}"
    )
