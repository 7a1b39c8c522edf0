"""Two sites of racks and one on the cloud, wired as the lab wires them, without machines: only their networks.

`python line_paths.py` (in a box) sends datagrams and prints, as JSON, which of them came where.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from lab import cuts, network, steering
from lab.cloud import wires
from lab.cloud.backend import CloudBackend, install
from lab.cloud.filters import ruleset
from lab.cloud.hypervisor import Hypervisor
from lab.cloud.permissions import guest_filters
from lab.cloud.ways import ways
from lab.command import run
from lab.layout import Detour, LabHost, LabLine, Layout
from tests.live.network_namespace import inside

PRIMARY, DR, OPS = (f"198.18.{n}.0/24" for n in (1, 3, 9))
FIRST = LabLine("primary--dr--1", "198.18.101.1", "198.18.101.2")
SECOND = LabLine("primary--dr--2", "198.18.101.5", "198.18.101.6")
_ALL_PROTOCOLS, _OUTGOING = 3, 4
_PATIENCE_S, _SILENCE_S, _AGAIN_S, _LOOK_S = 20.0, 1.0, 0.2, 0.01


def rack(name: str, address: str, *line_addresses: str) -> LabHost:
    gateway = f"{address.rpartition('.')[0]}.1"
    return LabHost(name, "rack", address, 24, gateway, "x86_64", "debian-13", "", False, line_addresses)


GATEWAY = rack("primary-1", "198.18.1.11", FIRST.one, SECOND.one)
RACKS = (GATEWAY, rack("primary-2", "198.18.1.12"), rack("ops-1", "198.18.9.11"))
LAYOUT = Layout(
    "198.18.0.0/16",
    {"primary": PRIMARY, "dr": DR, "ops": OPS},
    RACKS,
    lines=(FIRST, SECOND),
    detours=(Detour(PRIMARY, DR, GATEWAY.address),),
)


class Host:
    """Hears every frame that comes to it, and sends from any address."""

    def __init__(self, plugged: LabHost) -> None:
        network.plug_in(plugged)
        with inside(plugged.namespace):
            self._ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL_PROTOCOLS))
            self._mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._ear.bind(("eth0", _ALL_PROTOCOLS))
        self._ear.setblocking(False)
        self.namespace = plugged.namespace

    def send(self, source: str, destination: str, text: bytes) -> None:
        datagram = struct.pack("!HHHH", 4500, 4500, 8 + len(text), 0) + text
        ends = IPv4Address(source).packed + IPv4Address(destination).packed
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, socket.IPPROTO_UDP, 0) + ends
        self._mouth.sendto(head + datagram, (destination, 0))

    def hears(self, text: bytes) -> bool:
        """Whether it was among what came since the last question."""
        found = False
        while True:
            try:
                frame, origin = self._ear.recvfrom(2048)
            except BlockingIOError:
                return found
            found = found or (text in frame and origin[2] != _OUTGOING)


class World:
    """The router and its hosts; two machines of the cloud, the first of which forwards and has routes to it."""

    def __init__(self, cloud: CloudBackend) -> None:
        network.build_router(LAYOUT)
        steering.steer(steering.Owner.RACKS, steering.of_racks(LAYOUT))
        self.cloud, self.number = cloud, 0
        self.hosts = {host.name: Host(host) for host in RACKS}
        vpc = cloud.create_vpc(DR).id
        subnet = cloud.create_subnet(vpc, DR, None, availability_zone="cn-north-1a").id
        (self.table,) = (one.id for one in cloud.describe_route_tables(filters={"vpc-id": [vpc]}))
        gateway = self._group("gateway", vpc, "udp", 4500, ["198.18.101.0/24", PRIMARY, DR])
        inner = self._group("inner", vpc, "-1", None, ["198.18.0.0/16"])
        self.gateway = self._launch("dr-1", "198.18.3.11", subnet, gateway)
        self._launch("dr-2", "198.18.3.12", subnet, inner)
        self.true()
        for line in (FIRST, SECOND):
            run(["ip", "-n", self.hosts["dr-1"].namespace, "address", "add", f"{line.other}/32", "dev", "eth0"])

    def true(self) -> None:
        """What the cloud's process does with what its API was asked."""
        wires.make_switch(DR)
        wires.filter_guests(ruleset(guest_filters(self.cloud)))
        steering.steer(steering.Owner.CLOUD, ways(self.cloud))

    def open_up(self) -> None:
        self.cloud.modify_instance_attribute(self.gateway, "source_dest_check", False)
        for destination in (f"{FIRST.other}/32", f"{SECOND.other}/32", PRIMARY):
            self.cloud.create_route(self.table, destination, instance_id=self.gateway)
        self.true()

    def comes(self, sender: str, source: str, destination: str, to: str, *, ever: bool = True) -> bool:
        """Whether a datagram comes to that host; for what should not, a second has to do."""
        self.number += 1
        text, begin = b"number %d." % self.number, time.monotonic()
        sent = 0.0
        while time.monotonic() - begin < (_PATIENCE_S if ever else _SILENCE_S):
            if time.monotonic() - sent > _AGAIN_S:
                self.hosts[sender].send(source, destination, text)
                sent = time.monotonic()
            if self.hosts[to].hears(text):
                return True
            time.sleep(_LOOK_S)
        return False

    def _group(self, name: str, vpc: str, protocol: str, port: Any, peers: list[str]) -> str:
        group = self.cloud.create_security_group(name, name, vpc_id=vpc)
        ranges = [{"CidrIp": peer} for peer in peers]
        everyone: list[Any] = [{"CidrIp": "0.0.0.0/0"}]
        none: Any = None
        self.cloud.revoke_security_group_egress(group.id, "-1", none, none, everyone, vpc_id=vpc)
        for authorize in (
            self.cloud.authorize_security_group_ingress,
            self.cloud.authorize_security_group_egress,
        ):
            authorize(group.id, protocol, port, port, list(ranges), vpc_id=vpc)
        return str(group.id)

    def _launch(self, name: str, address: str, subnet: str, group: str) -> str:
        image = next(name for name, recipe in self.cloud.recipes.items() if recipe.arch == "x86_64")
        card = {"DeviceIndex": 0, "SubnetId": subnet, "PrivateIpAddress": address, "Groups": [group]}
        known = {"instance_type": "m7i.large", "is_instance_type_default": False, "region_name": "cn-north-1"}
        (made,) = self.cloud.run_instances(image, 1, None, [], nics=[card], **known).instances
        self.hosts[name] = Host(self.cloud.guests[made.id].host)
        return str(made.id)


def story(world: World) -> dict[str, bool]:
    """Each statement, and whether it is so."""
    near, far = "198.18.1.12", "198.18.3.12"
    seen = {
        "without routes: line address is nobody's": not world.comes(
            "primary-1", FIRST.one, FIRST.other, "dr-1", ever=False
        ),
        "without routes: straight to the racks": world.comes("dr-2", far, near, "primary-2"),
        "checked: no other address": not world.comes("dr-1", near, far, "dr-2", ever=False),
    }
    world.open_up()
    for line in (FIRST, SECOND):
        seen[f"{line.name} out"] = world.comes("primary-1", line.one, line.other, "dr-1")
        seen[f"{line.name} back"] = world.comes("dr-1", line.other, line.one, "primary-1")
    seen |= {
        "racks: to the gateway first": world.comes("primary-2", near, far, "primary-1"),
        "racks: and not past it": not world.comes("primary-2", near, far, "dr-2", ever=False),
        "racks: the gateway itself is spared": world.comes("primary-1", "198.18.1.11", far, "dr-2"),
        "cloud: to the gateway first": world.comes("dr-2", far, near, "dr-1"),
        "cloud: and not past it": not world.comes("dr-2", far, near, "primary-2", ever=False),
        "cloud: the gateway itself is spared": world.comes("dr-1", "198.18.3.11", near, "primary-2"),
        "cloud: what was decrypted is delivered": world.comes("dr-1", near, far, "dr-2"),
        "cloud: groups are for what it forwards, too": not world.comes(
            "dr-1", near, "198.18.9.11", "ops-1", ever=False
        ),
        "cloud: neighbours still check": not world.comes("dr-2", near, "198.18.3.11", "dr-1", ever=False),
        "others: no detour": world.comes("ops-1", "198.18.9.11", far, "dr-2"),
        "others: no way in past the groups": not world.comes("ops-1", "198.18.9.11", FIRST.other, "dr-1", ever=False),
    }
    return seen | _cuts(world) | _gone(world)


def _cuts(world: World) -> dict[str, bool]:
    def both(line: LabLine, *, ever: bool) -> list[bool]:
        there = world.comes("primary-1", line.one, line.other, "dr-1", ever=ever)
        return [there, world.comes("dr-1", line.other, line.one, "primary-1", ever=ever)]

    cuts.cut_only([FIRST])
    seen = {"cut: silent": not any(both(FIRST, ever=False)), "cut: the other goes on": all(both(SECOND, ever=True))}
    cuts.cut_only([])
    return seen | {"mended": all(both(FIRST, ever=True))}


def _gone(world: World) -> dict[str, bool]:
    """What is taken away in the API is taken away on the router; a restarted cloud knows of nothing."""
    world.cloud.delete_route(world.table, PRIMARY)
    world.true()
    seen = {"route deleted: straight again": world.comes("dr-2", "198.18.3.12", "198.18.1.12", "primary-2")}
    Hypervisor.clear_networks()
    steering.steer(steering.Owner.RACKS, steering.NOTHING)
    left = run(["ip", "-n", network.ROUTER, "rule"]) + run(
        ["ip", "-n", network.ROUTER, "route", "show", "table", "all"]
    )
    return seen | {"nothing is left": "198.18.101" not in left and "lookup 33" not in left and "iif" not in left}


def main() -> None:
    print(json.dumps(story(World(install(LAYOUT, "cn-north-1")))))


if __name__ == "__main__":
    main()
