"""The lab's cables and its router.

The router is a network namespace with one bridge per site. It has no way out but a link to this machine, over which
only answers pass, so nothing that a host does leaves the lab, and this machine's own forwarding stays as it was.
"""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from ipaddress import IPv4Network

from lab.command import attempt, run
from lab.layout import LabHost, Layout

ROUTER = "dingli-router"
UPLINK = "dingli-lab"

# The worst metric but for the kernel's own: any route of a running lab wins over it.
_UNREACHABLE_METRIC = "4000000000"

# Hosts may answer this machine and talk to each other. A host without power is silence, not a router's complaint.
_RULES = """
table inet lab {
  chain forward {
    type filter hook forward priority 0; policy accept;
    oifname "uplink" tcp flags & (ack | rst) != 0 accept
    oifname "uplink" icmp type { echo-reply, destination-unreachable, time-exceeded } accept
    oifname "uplink" drop
  }
  chain output {
    type filter hook output priority 0; policy accept;
    icmp type destination-unreachable drop
  }
}
"""


# Whatever this machine has set for itself: to gateways of lines packets come and go by different ways, and a host that
# the router sends through its neighbour must not be told of the shorter way.
_SETTINGS = """
cd /proc/sys/net/ipv4
echo 1 > ip_forward
for one in conf/*/rp_filter conf/*/send_redirects; do echo 0 > $one; done
"""


def close_off(supernet: str) -> None:
    """While the lab is down, its addresses lead nowhere."""
    run(["ip", "route", "replace", "unreachable", supernet, "metric", _UNREACHABLE_METRIC])


def namespaces() -> frozenset[str]:
    """The network namespaces of the lab that exist, the router's included."""
    lines = run(["ip", "netns", "list"]).splitlines()
    names = (line.split()[0] for line in lines if line.strip())
    return frozenset(name for name in names if name.startswith("dingli-"))


def router_is_whole(layout: Layout) -> bool:
    """True if the router has every bridge and the link to this machine."""
    shown = attempt(["ip", "-n", ROUTER, "-br", "link"])
    found = {line.split()[0].split("@")[0] for line in shown.stdout.decode().splitlines() if line.strip()}
    wanted = {bridge_name(network) for network in layout.networks.values()} | {"uplink"}
    return wanted <= found and attempt(["ip", "link", "show", UPLINK]).returncode == 0


def build_router(layout: Layout) -> None:
    """Make the router anew; what is left of an old one goes first."""
    remove_router()
    machine, router = layout.transit[1], layout.transit[2]
    run(["ip", "netns", "add", ROUTER])
    set_up_forwarding()
    run(["ip", "netns", "exec", ROUTER, "nft", "-f", "-"], stdin=_RULES.encode())
    _batch(None, [
        f"link add {UPLINK} type veth peer name uplink netns {ROUTER}",
        f"address add {machine}/{layout.transit.prefixlen} dev {UPLINK}",
        f"link set {UPLINK} up",
    ])  # fmt: skip
    lines = [f"address add {router}/{layout.transit.prefixlen} dev uplink", "link set uplink up", "link set lo up"]
    for site, network in layout.networks.items():
        bridge, parsed = bridge_name(network), IPv4Network(network)
        lines += [
            f"link add {bridge} type bridge",
            f"link set {bridge} alias site-{site}",
            f"address add {parsed[1]}/{parsed.prefixlen} dev {bridge}",
            f"link set {bridge} up",
        ]
    _batch(ROUTER, lines)
    run(["ip", "route", "replace", layout.supernet, "via", str(router), "dev", UPLINK])


def set_up_forwarding() -> None:
    """How the router forwards, by the switches that it has and those that it will have."""
    run(["ip", "netns", "exec", ROUTER, "sh", "-ec", _SETTINGS])


def remove_router() -> None:
    attempt(["ip", "link", "delete", UPLINK])
    attempt(["ip", "netns", "delete", ROUTER])


def plug_in(host: LabHost) -> None:
    """A fresh namespace with a cable to the site's switch: nothing of the host's earlier connections is left."""
    unplug(host)
    discard(host.namespace)
    run(["ip", "netns", "add", host.namespace])
    _batch(ROUTER, [
        f"link add {host.port} type veth peer name eth0 netns {host.namespace}",
        f"link set {host.port} alias {host.name}",
        f"link set {host.port} master {host.bridge}",
        f"link set {host.port} up",
    ])  # fmt: skip
    _batch(host.namespace, [
        "link set lo up",
        f"address add {host.address}/{host.prefix} dev eth0",
        "link set eth0 up",
        f"route add default via {host.gateway}",
        *_line_addresses(host),
    ])  # fmt: skip


def readdress(host: LabHost) -> None:
    """The line addresses of a host that is plugged in, as they are declared now; its own stays."""
    shown = json.loads(run(["ip", "-n", host.namespace, "-json", "-4", "address", "show", "dev", "eth0"]))
    there = {str(one["local"]) for link in shown for one in link["addr_info"]} - {host.address}
    gone = sorted(there - set(host.line_addresses))
    _batch(host.namespace, [*(f"address del {address}/32 dev eth0" for address in gone), *_line_addresses(host)])


def _line_addresses(host: LabHost) -> list[str]:
    return [f"address replace {address}/32 dev eth0" for address in host.line_addresses]


def unplug(host: LabHost) -> None:
    """Pull the cable: peers hear nothing from here on."""
    attempt(["ip", "-n", ROUTER, "link", "delete", host.port])


def is_plugged_in(host: LabHost) -> bool:
    return attempt(["ip", "-n", ROUTER, "link", "show", host.port]).returncode == 0


def discard(namespace: str) -> None:
    """Remove a namespace, and kill whatever still lives in it."""
    for pid in attempt(["ip", "netns", "pids", namespace]).stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    attempt(["ip", "netns", "delete", namespace])


def bridge_name(network: str) -> str:
    """The switch of a network, named after its first address; interface names have at most 15 characters."""
    return f"b{int(IPv4Network(network)[1]):08x}"


def _batch(namespace: str | None, lines: list[str]) -> None:
    where = ["-n", namespace] if namespace else []
    run(["ip", *where, "-batch", "-"], stdin="\n".join(lines).encode())
