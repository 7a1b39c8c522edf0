"""Switches for the cloud's subnets in the lab's router, and the filters on their ports.

A subnet is a bridge of the router, as a site of the lab is. Its router answers ARP requests for every address of the
subnet (`proxy_arp_pvlan`), because the filters let no port of a guest talk to another port: a neighbour is reached
through the router, which is where connections are followed. (The kernel follows none that only cross a bridge, unless
it was built for that.)
"""

from __future__ import annotations

import json
from collections.abc import Collection
from ipaddress import IPv4Network

from lab.command import attempt, run
from lab.network import ROUTER, bridge_name

__all__ = ["drop_switches", "filter_guests", "make_switch"]

_ALIAS = "cloud-"
_SETTINGS = """
set -e
cd /proc/sys/net/ipv4
echo 1 > "conf/$1/proxy_arp_pvlan"
echo 0 > "conf/$1/send_redirects"
echo 0 > conf/all/send_redirects
echo 0 > "neigh/$1/proxy_delay"
"""


def make_switch(subnet: str) -> None:
    """The bridge of a subnet; where it is a whole site's, that is there already."""
    name, network = bridge_name(subnet), IPv4Network(subnet)
    if attempt(["ip", "-n", ROUTER, "link", "show", name]).returncode != 0:
        lines = [
            f"link add {name} type bridge",
            f"link set {name} alias {_ALIAS}{network[0]}",
            f"address add {network[1]}/{network.prefixlen} dev {name}",
            f"link set {name} up",
        ]
        run(["ip", "-n", ROUTER, "-batch", "-"], stdin="\n".join(lines).encode())
    run(["ip", "netns", "exec", ROUTER, "sh", "-c", _SETTINGS, "settings", name])


def drop_switches(kept: Collection[str]) -> None:
    """Bridges of subnets without a guest, whoever made them."""
    names = {bridge_name(subnet) for subnet in kept}
    shown = json.loads(run(["ip", "-n", ROUTER, "-json", "link", "show", "type", "bridge"]) or "[]")
    for link in shown:
        if str(link.get("ifalias", "")).startswith(_ALIAS) and link["ifname"] not in names:
            attempt(["ip", "-n", ROUTER, "link", "delete", link["ifname"]])


def filter_guests(rules: str) -> None:
    """All at once, or LabError and nothing; sessions that exist go on."""
    run(["ip", "netns", "exec", ROUTER, "nft", "-f", "-"], stdin=rules.encode())
