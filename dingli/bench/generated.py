"""An environment of any size, made and not written: the same text for the same number of hosts.

Five sites: three that trade, with a third of the hosts each, and two for operations, with one host in a hundred each.
For every twenty hosts a cell: a core at each trading site and a gateway at two of them, each on a host of its own.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

__all__ = [
    "HOSTS_OF_A_CELL",
    "SUPERNET",
    "environment_text",
    "fingerprint",
    "handover_text",
    "host_key",
    "known_hosts_text",
    "machine_id",
    "public_key",
    "sizes",
]

HOSTS_OF_A_CELL = 20
SUPERNET = "10.64.0.0/13"
_TRADING = ("primary", "standby", "dr")
_OPERATIONS = ("ops", "ops-west")
_INSTRUMENTS = 4
_PRICES = {"tick": 10, "max_quantity": 1000, "min_price": 10, "max_price": 9999990}
_SESSIONS = [*(f"M{number:03}" for number in range(1, 9)), "PROBE1", "PROBE2", "SMOKE1", "SMOKE2"]


def sizes(hosts: int) -> dict[str, int]:
    """How many of the hosts stand on each site."""
    few = max(1, hosts // 100)
    rest = hosts - few * len(_OPERATIONS)
    trading = {site: rest // 3 + (place < rest % 3) for place, site in enumerate(_TRADING)}
    return trading | dict.fromkeys(_OPERATIONS, few)


def environment_text(name: str, hosts: int, handover: str) -> str:
    """The environment file; `handover` is where `handover_text` is put."""
    return _text(
        {
            "name": name,
            "kind": "production",
            "supernet": SUPERNET,
            "handover": handover,
            "targets": {"service_rto_s": 10, "member_rto_s": 60, "rpo_commands": 0, "orders_per_s": 500},
            "sites": {
                site: {"role": site.split("-")[0], "city": _city(site), "network": f"10.{64 + place}.0.0/16"}
                for place, site in enumerate(sizes(hosts))
            },
            "hosts": _hosts(hosts),
            "journal": {"members": [f"{site}-1" for site in _TRADING]},
            "cells": {f"cell-{number}": _cell(number) for number in range(1, hosts // HOSTS_OF_A_CELL + 1)},
        }
    )


def handover_text(hosts: int) -> str:
    """What the data centre hands over: the fingerprint of every host's key."""
    return _text({"hosts": {host: {"host_key_sha256": fingerprint(host)} for host in _hosts(hosts)}})


def known_hosts_text(hosts: int) -> str:
    """Every host's key, as if all had been adopted."""
    lines = (f"{host['address']} {public_key(name)}\n" for name, host in _hosts(hosts).items())
    return "".join(sorted(lines))


def host_key(host: str) -> Ed25519PrivateKey:
    """The key of a host that nobody has: it follows from the name, and protects nothing."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(host.encode()).digest())


def public_key(host: str) -> str:
    """`ssh-ed25519 …`, as in a known_hosts file."""
    return host_key(host).public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def fingerprint(host: str) -> str:
    """Of the key that `host` is said to have, as `ssh-keygen -l` prints it."""
    digest = hashlib.sha256(base64.b64decode(public_key(host).split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def machine_id(host: str) -> str:
    """The machine that `host` is said to be."""
    return hashlib.sha256(host.encode()).hexdigest()[:32]


def _hosts(hosts: int) -> dict[str, dict[str, str]]:
    return {
        f"{site}-{number}": {
            "site": site,
            "address": f"10.{64 + place}.{number // 250}.{number % 250 + 1}",
            "arch": "x86_64",
            "os": "debian-13",
        }
        for place, (site, count) in enumerate(sizes(hosts).items())
        for number in range(1, count + 1)
    }


def _cell(number: int) -> dict[str, Any]:
    core, gateway = 2 * number, 2 * number + 1  # the first host of each trading site is the journal's
    kinds = {"primary": ("main", "automatic"), "standby": ("minimal", "automatic"), "dr": ("main", "manual")}
    return {
        "revision": 1,
        "max_age_ms": 30000,
        "ports": {"core": 7400, "core_metrics": 7401, "fix": 7410, "gateway_metrics": 7411},
        "instruments": [{"symbol": f"C{number}X{one}", **_PRICES} for one in range(_INSTRUMENTS)],
        "cores": [
            {"host": f"{site}-{core}", "kind": kind, "takeover": takeover, "lease_s": 2}
            for site, (kind, takeover) in kinds.items()
        ],
        "gateways": [f"primary-{gateway}", f"standby-{gateway}"],
        "sessions": list(_SESSIONS),
    }


def _city(site: str) -> str:
    return "west" if site in ("dr", "ops-west") else "east"


def _text(data: dict[str, Any]) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True  # what is equal in two cells is written out in both

    return yaml.dump(data, Dumper=Plain, sort_keys=False, default_flow_style=None, width=1000)
