"""From moto's route tables to what the router takes: which machines have further addresses, and what goes through them.

A route to an instance is true if the instance's source/destination check is off. An address of its own that lies in no
network (`/32`, an overlay address) is reached from everywhere: the lab is also the private line that would announce it.
Any other destination is for those whose route table it is, the instance itself left out. What a route sends to an
instance that does not forward, or is no more, nobody gets.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network

from moto.ec2.models.route_tables import Route, RouteTable
from moto.ec2.models.subnets import Subnet

from lab.cloud.backend import CloudBackend, Guest
from lab.cloud.filters import mark
from lab.steering import Kind, Reached, Steering, Through

__all__ = ["ways"]


def ways(backend: CloudBackend) -> Steering:
    """For every subnet that has guests."""
    reached: dict[str, Reached] = {}
    through: list[Through] = []
    spared: dict[tuple[str, str], None] = {}
    for subnet in _in_use(backend):
        routes = [route for route in _table(backend, subnet).routes if route.instance and route.destination_cidr_block]
        for route in routes:
            guest = _forwarder(backend, route)
            if guest and _is_overlay(backend, str(route.destination_cidr_block)):
                address = str(IPv4Network(route.destination_cidr_block, strict=False)[0])
                reached.setdefault(address, Reached(address, guest.host.address, guest.subnet))
                continue
            through.append(_through(subnet, route, guest))
            if guest:
                spared[str(subnet.cidr_block), f"fwmark {mark(guest.host.address)}"] = None
        if any(one.network == subnet.cidr_block for one in through):
            through += _local(backend, subnet)
    return Steering(tuple(reached.values()), tuple(through), tuple(spared))


def _in_use(backend: CloudBackend) -> Iterable[Subnet]:
    found = {str(backend.get_instance(name).subnet_id) for name in backend.guests}
    return [backend.get_subnet(one) for one in sorted(found)]


def _table(backend: CloudBackend, subnet: Subnet) -> RouteTable:
    """Its own, or else its network's main one."""
    tables = [table for table in backend.route_tables.values() if table.vpc_id == subnet.vpc_id]
    own = (table for table in tables if subnet.id in table._associations.values())
    return next(own, None) or next(table for table in tables if table.main_association_id is not None)


def _forwarder(backend: CloudBackend, route: Route) -> Guest | None:
    assert route.instance is not None
    return backend.guests.get(route.instance.id) if backend.forwards(route.instance.id) else None


def _is_overlay(backend: CloudBackend, destination: str) -> bool:
    network = IPv4Network(destination, strict=False)
    others = [*backend.layout.networks.values(), *(subnet.cidr_block for subnet in _subnets(backend))]
    taken = any(network.overlaps(IPv4Network(other)) for other in others)
    return network.prefixlen == network.max_prefixlen and not taken and not network.overlaps(backend.layout.transit)


def _subnets(backend: CloudBackend) -> Iterable[Subnet]:
    return [subnet for zones in backend.subnets.values() for subnet in zones.values()]


def _through(subnet: Subnet, route: Route, guest: Guest | None) -> Through:
    network = str(subnet.cidr_block)
    destination = str(IPv4Network(str(route.destination_cidr_block), strict=False))
    if guest is None:
        return Through(network, destination, kind=Kind.NOBODY)
    return Through(network, destination, guest.host.address, guest.subnet)


def _local(backend: CloudBackend, subnet: Subnet) -> Iterable[Through]:
    """What lies in the network itself no route leads elsewhere, as wide as the route may be."""
    blocks = backend.get_vpc(subnet.vpc_id).get_cidr_block_association_set(ipv6=False)
    return [Through(str(subnet.cidr_block), one["cidr_block"], kind=Kind.AS_EVER) for one in blocks]
