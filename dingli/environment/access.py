"""Who else reaches an environment's hosts, and whom they reach: what no other key of the file says already."""

from __future__ import annotations

from enum import StrEnum

from dingli.environment.values import Entry, Network, Port, Text

__all__ = ["Access", "ExtraFlow", "Protocol"]


class Protocol(StrEnum):
    """What a flow travels in."""

    TCP = "tcp"
    UDP = "udp"
    ESP = "esp"
    """What IPsec sends; without ports."""


class ExtraFlow(Entry):
    """A flow that nothing else declares: to a resolver, a time source, a backup. Ends are hosts or networks."""

    source: Text
    destination: Text
    protocol: Protocol = Protocol.TCP
    port: Port
    why: Text


class Access(Entry):
    """The environment's neighbours. `dingli.network.flows` says who is meant where a key is left out."""

    controllers: tuple[Network, ...] = ()
    """Where `dingli` runs and operators sit."""
    members: tuple[Network, ...] = ()
    """Where members' FIX connections come from."""
    also: tuple[ExtraFlow, ...] = ()
