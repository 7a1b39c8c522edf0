"""What the lab's hosts answered in steady state, as recorded from them, and ways to change it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dingli.environment import Environment, load
from dingli.status import HostSeen, Picture, judge
from dingli.status.answers import parse

RECORDED = Path(__file__).parent / "recorded"
NOW = datetime(2026, 11, 21, 8, 22, tzinfo=UTC)
Seen = dict[str, HostSeen]


def environment() -> Environment:
    """As it was when the answers were recorded."""
    return load(RECORDED / "lab.yaml")


def answer(host: str) -> str:
    """The output of the host's script."""
    return (RECORDED / f"{host}.txt").read_text()


def recorded() -> Seen:
    """Every host's answer, 40 ms under way in each direction and with the controller's clock right."""
    found = {}
    for host in environment().hosts:
        text = answer(host)
        began_ns, ended_ns = int(text.splitlines()[1]), int(text.splitlines()[-1])
        found[host] = parse(host, text, began_ns - 40_000_000, ended_ns + 40_000_000)
    return found


def picture(seen: Seen) -> Picture:
    """As it is judged."""
    return judge(environment(), seen, NOW)


def unreached(*hosts: str) -> Seen:
    """Hosts that do not answer."""
    return recorded() | {host: HostSeen(host, "no answer") for host in hosts}


def etcd_silent(*hosts: str) -> Seen:
    """Hosts that answer, but whose etcd does not."""
    seen = recorded()
    return seen | {host: replace(seen[host], member=None, failed={"member": "refused"}) for host in hosts}


def service(host: str, state: str) -> Seen:
    """A host on which systemd says this of the core."""
    seen = recorded()
    return seen | {host: replace(seen[host], services={"alpha": state})}


def clock_off(host: str, by_ms: int) -> Seen:
    """A host whose clock is ahead."""
    seen = recorded()
    least, most = seen[host].clock_ms or (0, 0)
    return seen | {host: replace(seen[host], clock_ms=(least + by_ms, most + by_ms))}


def cell_says(change: Callable[[dict[str, Any]], object], seen: Seen | None = None) -> Seen:
    """What every host with a main core says of the cell, changed."""
    seen = seen or recorded()
    for host, one in seen.items():
        if "alpha" in one.cells:
            said = copy.deepcopy(one.cells["alpha"])
            change(said)
            seen[host] = replace(one, cells={"alpha": said})
    return seen


def core_says(core: str, seen: Seen | None = None, **changes: Any) -> Seen:
    """One core's status, changed."""
    return cell_says(lambda said: said["cores"][core].update(changes), seen)


def nobody_leads(seen: Seen | None = None) -> Seen:
    """After the leader went: all others stand at the head."""

    def change(said: dict[str, Any]) -> None:
        head = said["cores"]["primary-1/main"]
        said["leader"], said["claims"] = None, {}
        for core, status in said["cores"].items():
            status.update(head=head["head"], hash=head["hash"], lag_ms=0)
            if core == "primary-1/main":
                status.update(role="follower", time_ns=status["time_ns"] - 60_000_000_000)

    return cell_says(change, seen)


def behind_port(file: Path, port: int) -> Path:
    """Writes the lab's environment as if each site stood behind a jump host at that port of this machine."""
    bastion = f", bastion: {{address: 127.0.0.1, port: {port}, user: jump}}}}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(re.sub(r"(network: [0-9./]+)}", rf"\1{bastion}", (RECORDED / "lab.yaml").read_text()))
    return file
