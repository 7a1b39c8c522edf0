"""Choosing flows by their ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import IPv4Address

from dingli.environment import Environment
from dingli.environment.problems import near_miss
from dingli.exceptions import InputError
from dingli.network.flow import Flow, Party

__all__ = ["chosen"]


def chosen(
    environment: Environment, flows: Iterable[Flow], source: str | None, destination: str | None
) -> tuple[Flow, ...]:
    """The flows between these ends, reduced to them. Raises InputError for a word that means nobody."""
    known = {party.name for flow in flows for party in (*flow.sources, *flow.destinations)}
    is_source, is_destination = _matcher(environment, known, source), _matcher(environment, known, destination)
    reduced = (
        replace(
            flow,
            sources=tuple(filter(is_source, flow.sources)),
            destinations=tuple(filter(is_destination, flow.destinations)),
        )
        for flow in flows
    )
    return tuple(flow for flow in reduced if next(flow.pairs(), None) is not None)


def _matcher(environment: Environment, known: set[str], word: str | None) -> Callable[[Party], bool]:
    if word is None:
        return lambda party: True
    if word in environment.sites:
        network = environment.sites[word].network
        return lambda party: not party.is_outside and party.network.overlaps(network)
    if word in environment.hosts:
        return lambda party: party.includes(environment.hosts[word].address)
    if word in known:
        return lambda party: party.name == word
    try:
        address = IPv4Address(word)
    except ValueError:
        names = [*environment.hosts, *environment.sites, *sorted(known - set(environment.hosts))]
        hint = near_miss(word, names)
        raise InputError(
            f"{word!r}, which is no end of any flow", f"one of {', '.join(names)}, or an address{hint}", "correct it"
        ) from None
    return lambda party: party.includes(address)
