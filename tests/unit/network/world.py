"""Hosts as network namespaces on one switch, inside namespaces of the test's own: nothing of this machine is touched.

`python world.py` (started by `World.run` below `unshare`) reads the plan and prints what each host saw.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]


@dataclass
class World:
    """Hosts by name: `address`, nft `rules` (none: no filter), `listen` ([protocol, port]s), `program` to run."""

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    prefix: int = 16

    def run(self) -> dict[str, str]:
        """What each host's program printed."""
        plan = json.dumps({"hosts": self.hosts, "prefix": self.prefix})
        command = [*UNSHARE, sys.executable, __file__]
        done = subprocess.run(command, input=plan, capture_output=True, text=True, check=False, timeout=200)
        assert done.returncode == 0, done.stderr
        printed: dict[str, str] = json.loads(done.stdout)
        return printed


def run(*command: str, stdin: str | None = None) -> None:
    """A command that has to succeed."""
    subprocess.run(command, input=stdin, text=True, check=True)


def plug(name: str, number: int, host: dict[str, Any], prefix: int) -> None:
    """A host on the switch."""
    run("ip", "netns", "add", name)
    run("ip", "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", f"port{number}", "master", "switch", "up")
    lines = [f"address add {host['address']}/{prefix} dev eth0", "route add default dev eth0"]
    run("ip", "-n", name, "-batch", "-", stdin="\n".join(["link set lo up", "link set eth0 up", *lines, ""]))
    if host.get("rules"):
        run("ip", "netns", "exec", name, "nft", "-f", "-", stdin=host["rules"])


def _listener(name: str, ports: list[list[Any]]) -> subprocess.Popen[str]:
    command = ["ip", "netns", "exec", name, sys.executable, __file__, "listen", json.dumps(ports)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def listen(ports: list[list[Any]]) -> None:
    """Takes connections without a word, and answers datagrams, until it is killed."""
    opened = []
    for protocol, port in ports:
        if protocol == "tcp":
            opened.append(socket.create_server(("0.0.0.0", port), backlog=64))
    clock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if ["udp", 123] in ports:
        clock.bind(("0.0.0.0", 123))
    print("listening", flush=True)
    while True:
        question, asker = clock.recvfrom(512) if ["udp", 123] in ports else (b"", sys.stdin.read())
        clock.sendto(question, asker)


def build(plan: dict[str, Any]) -> dict[str, str]:
    """Make the world, run every program at once, say what they printed."""
    run("mount", "-t", "tmpfs", "tmpfs", "/run")
    run("ip", "link", "add", "switch", "type", "bridge")
    run("ip", "link", "set", "switch", "up")
    for number, (name, host) in enumerate(plan["hosts"].items()):
        plug(name, number, host, plan["prefix"])
    listeners = [_listener(name, host.get("listen", [])) for name, host in plan["hosts"].items()]
    for one in listeners:
        assert one.stdout is not None
        assert one.stdout.readline() == "listening\n"
    running = {
        name: subprocess.Popen(
            ["ip", "netns", "exec", name, *host.get("command", [sys.executable, "-I", "-c", host.get("program", "")])],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, host in plan["hosts"].items()
    }
    printed = {name: one.communicate()[0] for name, one in running.items()}
    for one in listeners:
        one.kill()
    return printed


if __name__ == "__main__":
    if sys.argv[1:2] == ["listen"]:
        listen(json.loads(sys.argv[2]))
    else:
        print(json.dumps(build(json.load(sys.stdin))))
    sys.exit(0)
