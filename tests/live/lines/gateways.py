"""Two sites in network namespaces: a host and an IPsec gateway each, two lines between, strongSwan as Debian packs it.

`python gateways.py` (started below `unshare`, as root) reads the plan from standard input, runs the whole story once
and prints what was seen, as JSON. All namespaces and mounts end with it; nothing of this machine is changed.
"""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

MARKER = "plain-words-of-the-journal"
_PORT, _EVERY_S, _PATIENCE_S = 7777, 0.02, 40.0
_ALL_PROTOCOLS, _RECEIVE_BUFFER = 3, 33  # ETH_P_ALL, SO_RCVBUFFORCE
_LOG_CHARACTERS, _LOOK_S, _QUESTIONS, _STANDSTILL_S = 6000, 0.2, 5, 0.1
_CARRIES = re.compile(r"^  (\S+): #\d+, reqid \d+, INSTALLED,", re.MULTILINE)


def run(*command: str, stdin: str | None = None) -> str:
    """Output of a command that has to succeed."""
    return subprocess.run(command, input=stdin, text=True, check=True, stdout=subprocess.PIPE).stdout


def wait(what: str, condition: Callable[[], bool]) -> None:
    """Until it holds; raises after the deadline."""
    end = time.monotonic() + _PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(_EVERY_S)


class Pulse:
    """How long this machine itself stood still, as a thread sees it that wants to wake every 20 ms."""

    def __init__(self) -> None:
        self.beats: list[float] = []
        threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self) -> None:
        while True:
            self.beats.append(time.monotonic())
            time.sleep(_EVERY_S)

    def missed_s(self, begin: float, end: float) -> float:
        """All of it between two moments; less than a tenth of a second is nothing."""
        gaps = (min(later, end) - max(earlier, begin) for earlier, later in pairwise(self.beats))
        return sum(gap for gap in gaps if gap > _STANDSTILL_S)


class Capture:
    """What an outsider on the lines sees: every frame of both, since the last `take`."""

    def __init__(self, *ports: str) -> None:
        self.sockets: list[socket.socket] = []
        self.kept: list[bytes] = []
        for port in ports:
            one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
            one.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER, 1 << 26)
            one.bind((port, 0))
            one.setblocking(False)
            self.sockets.append(one)

    def take(self) -> dict[str, int]:
        """How many frames there were, how many had the marker in them, and how many were encrypted ones."""
        self.count()
        frames, self.kept = self.kept, []
        nat = (4500).to_bytes(2, "big") * 2
        return {
            "frames": len(frames),
            "plain": sum(MARKER.encode() in frame for frame in frames),
            "encrypted": sum(frame[34:38] == nat for frame in frames),
        }

    def count(self) -> list[int]:
        """How many frames each line has had since the last look; they are kept for `take`."""
        new = [list(self._frames(one)) for one in self.sockets]
        self.kept += [frame for frames in new for frame in frames]
        return [len(frames) for frames in new]

    @staticmethod
    def _frames(one: socket.socket) -> Iterator[bytes]:
        while True:
            try:
                yield one.recv(65536)
            except BlockingIOError:
                return


class Gateway:
    """strongSwan in a root of its own, above the packages' files."""

    def __init__(self, name: str, plan: dict[str, Any], packages: str, folder: Path) -> None:
        self.name, self.root = name, folder / name
        self.process: subprocess.Popen[bytes] | None = None
        upper, work = folder / f"{name}-upper", folder / f"{name}-work"
        for one in (self.root, upper, work):
            one.mkdir()
        layers = f"lowerdir={packages},upperdir={upper},workdir={work}"
        run("mount", "-t", "overlay", "-o", layers, "none", str(self.root))
        for place in ("dev", "proc", "run"):
            (self.root / place).mkdir(exist_ok=True)
        for place in ("dev", "proc"):
            run("mount", "--rbind", f"/{place}", str(self.root / place))
        run("mount", "-t", "tmpfs", "none", str(self.root / "run"))
        run("mount", "--bind", str(self.root / "run"), str(self.root / "var" / "run"))
        for path, content in plan["files"].items():
            file = self.root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            file.chmod(0o755 if content.startswith("#!") else 0o600)

    def inside(self, *command: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, "chroot", str(self.root), *command]

    def start(self) -> None:
        run(*self.inside("/usr/local/libexec/dingli/line-certificates"))
        # AppArmor lets swanctl read below /etc/swanctl alone; this machine may have none.
        (self.root / "etc" / "dingli" / "pki").rename(self.root / "etc" / "dingli" / "hidden")
        self.process = subprocess.Popen(self.inside("charon-systemd"))
        wait(f"strongSwan of {self.name} answers", lambda: (self.root / "run" / "charon.vici").exists())
        run(*self.inside("swanctl", "--load-all", "--noprompt"))
        # What the timer does on a host.
        loop = "while sleep 2; do /usr/local/libexec/dingli/line-call >/dev/null 2>&1; done"
        subprocess.Popen(self.inside("sh", "-c", loop))

    def end(self) -> None:
        """Show what strongSwan logged, for the one who looks for a fault; then end it."""
        log = self.root / "charon.log"
        sys.stderr.write(log.read_text()[-_LOG_CHARACTERS:] if log.exists() else "")
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def lines_up(self, *ranks: str) -> str:
        """Wait until exactly these lines are up; what strongSwan says then."""
        said: list[str] = []

        def so() -> bool:
            said.append(run(*self.inside("swanctl", "--list-sas")))
            return {name[-1] for name in _CARRIES.findall(said[-1])} == set(ranks)

        wait(f"lines up: {', '.join(ranks) or 'none'}", so)
        return said[-1]


class World:
    """The wiring. Lines are switches of the outside, so that a cut is silent: no carrier is lost at either gateway."""

    def __init__(self, plan: dict[str, Any]) -> None:
        folder = Path(plan["folder"])
        run("mount", "-t", "tmpfs", "none", "/run")
        run("mount", "-t", "tmpfs", "none", str(folder))
        self.plan, self.received = plan, folder / "received"
        for rank in ("1", "2"):
            run("ip", "link", "add", f"line{rank}", "type", "bridge")
            run("ip", "link", "set", f"line{rank}", "up")
        for name, site in plan["sites"].items():
            self._wire(name, site)
        self.capture, self.pulse = Capture("line1a", "line2a"), Pulse()
        self.gateways = [Gateway(name, site, plan["packages"], folder) for name, site in plan["sites"].items()]

    def _wire(self, name: str, site: dict[str, Any]) -> None:
        host = f"{name}-host"
        for one in (name, host):
            run("ip", "netns", "add", one)
            run("ip", "-n", one, "link", "set", "lo", "up")
        run("ip", "-n", name, "link", "add", "inner", "type", "veth", "peer", "name", "inner", "netns", host)
        run("ip", "-n", name, "address", "add", f"{site['gateway']}/16", "dev", "inner")
        run("ip", "-n", host, "address", "add", f"{site['host']}/16", "dev", "inner")
        for one in (name, host):
            run("ip", "-n", one, "link", "set", "inner", "up")
        run("ip", "-n", host, "route", "add", "default", "via", site["gateway"])
        run("ip", "netns", "exec", name, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        if site["carrying"]:
            run("ip", "netns", "exec", name, *site["carrying"])
        for rank, (address, other) in zip(("1", "2"), site["lines"], strict=True):
            port = f"line{rank}{name}"
            run("ip", "link", "add", port, "type", "veth", "peer", "name", f"line{rank}", "netns", name)
            run("ip", "link", "set", port, "master", f"line{rank}", "up")
            run("ip", "-n", name, "link", "set", f"line{rank}", "up")
            if site["carrying"]:
                run("ip", "-n", name, "route", "add", f"{other}/32", "dev", f"line{rank}")
            else:
                run("ip", "-n", name, "address", "add", f"{address}/30", "dev", f"line{rank}")

    def cut(self, rank: str) -> None:
        run("ip", "link", "set", f"line{rank}c", "nomaster")

    def mend(self, rank: str) -> None:
        run("ip", "link", "set", f"line{rank}c", "master", f"line{rank}")

    def carrying(self) -> str:
        """The line with the traffic: the other one has a question and an answer each second."""
        seen = [0, 0]

        def some() -> bool:
            self.capture.count()
            time.sleep(_LOOK_S)
            seen[:] = self.capture.count()
            return max(seen) > _QUESTIONS

        wait("traffic on a line", some)
        return "1" if seen[0] > seen[1] else "2"

    @contextmanager
    def traffic(self) -> Iterator[None]:
        """A datagram with the marker every 20 ms, and its echo."""
        here, there = self.plan["sites"]["a"]["host"], self.plan["sites"]["c"]["host"]
        self.received.write_text("")
        commands = [("c-host", "echo", there), ("a-host", "ask", here, there, str(self.received))]
        started = [subprocess.Popen(["ip", "netns", "exec", host, sys.executable, __file__, *arguments])
                   for host, *arguments in commands]  # fmt: skip
        try:
            yield
        finally:
            for one in started:
                one.send_signal(signal.SIGTERM)
                one.wait()

    def shout(self) -> dict[str, int]:
        """What the capture sees if the first site's host and its gateway send to the other site now."""
        for sender in ("a-host", "a"):
            told = ["shout", self.plan["sites"]["c"]["host"]]
            run("ip", "netns", "exec", sender, sys.executable, __file__, *told)
        return self.capture.take()

    def answers(self) -> list[float]:
        """When echoes came."""
        return [float(line) for line in self.received.read_text().split("\n")[:-1]]

    def flows(self, since: float | None = None) -> bool:
        """Whether an echo came after a moment, by default this one."""
        after = time.monotonic() if since is None else since
        end = after + _PATIENCE_S
        while time.monotonic() < end:
            if any(one > after for one in self.answers()[-5:]):
                return True
            time.sleep(_EVERY_S)
        return False

    def quiet(self) -> bool:
        """Whether no echo came for two seconds."""
        time.sleep(2)
        return not any(one > time.monotonic() - 2 for one in self.answers()[-5:])

    def outage(self, since: float) -> tuple[float, float]:
        """The longest time without an echo since a moment, and for how much of it this machine stood still."""
        times = [since, *(one for one in self.answers() if one > since)]
        length, begin = max(
            ((later - earlier, earlier) for earlier, later in pairwise(times)), default=(_PATIENCE_S, since)
        )
        return length, self.pulse.missed_s(begin, begin + length)

    def tcp(self) -> str:
        """What a TCP connection between the hosts brings back."""
        there = self.plan["sites"]["c"]["host"]
        done = subprocess.run(
            ["ip", "netns", "exec", "a-host", sys.executable, __file__, "connect", there],
            stdout=subprocess.PIPE, text=True, check=False, timeout=60,
        )  # fmt: skip
        return f"{len(done.stdout)} {done.stdout.count(MARKER)}"


def story(world: World) -> dict[str, Any]:
    """In clear first, to show that the capture sees it; then encrypted, and what cuts do."""
    seen: dict[str, Any] = {}
    sites = world.plan["sites"]
    for own, other in (("a", "c"), ("c", "a")):
        run("ip", "-n", own, "route", "add", sites[other]["network"], "via", sites[other]["lines"][0][0])
    with world.traffic():
        world.flows()
        seen["in_clear"] = world.capture.take()
    for rules in ("rules", "guard"):
        for own in sites:
            run("ip", "netns", "exec", own, "nft", "-f", "-", stdin=f"flush ruleset\n{sites[own][rules]}")
        world.capture.take()
        seen[f"in_clear_with_{rules}"] = world.shout()
    for own in sites:
        for command in sites[own]["guarding"]:
            run("ip", "netns", "exec", own, "sh", "-c", command)
        run("ip", "netns", "exec", own, "nft", "-f", "-", stdin=sites[own]["rules"])
    seen["routes"] = run("ip", "-n", "a", "route", "show")
    for one in world.gateways:
        one.start()
    near = world.gateways[0]
    near.lines_up("1", "2")
    with world.traffic():
        seen |= _cuts(world, near)
    logs = [(one.root / "charon.log").read_text() for one in world.gateways]
    seen["ended_as_duplicates"] = sum(log.count("duplicate IKE_SA") for log in logs)
    return seen


def _cuts(world: World, near: Gateway) -> dict[str, Any]:
    seen: dict[str, Any] = {"flows": world.flows(), "tcp": world.tcp(), "both_up": near.lines_up("1", "2")}
    seen["outages_s"], seen["flows_by_other"], seen["returns_s"] = [], [], []
    for turn in range(2):
        carrying = world.carrying()
        since = time.monotonic()
        world.cut(carrying)
        other = "2" if carrying == "1" else "1"
        said = near.lines_up(other)
        seen["flows_by_other"].append(world.flows())
        seen["outages_s"].append(world.outage(since))
        if turn == 0:
            seen["one_down"], seen["first_cut"] = said, int(carrying)
            since = time.monotonic()
            world.mend(carrying)
            near.lines_up("1", "2")
            seen["flows_by_other"].append(world.flows())
            seen["returns_s"].append(world.outage(since))
    world.cut(other)
    seen["both_down"], seen["quiet"] = near.lines_up(), world.quiet()
    for rank in ("1", "2"):
        world.mend(rank)
    near.lines_up("1", "2")
    seen["flows_at_last"], seen["encrypted"] = world.flows(), world.capture.take()
    return seen


def _echo_connections(here: str) -> None:
    with socket.create_server((here, _PORT)) as server:
        while True:
            connection, _ = server.accept()
            with connection:
                while got := connection.recv(65536):
                    connection.sendall(got)


def echo(here: str) -> None:
    """Answers datagrams, and sends back what TCP connections bring."""
    threading.Thread(target=_echo_connections, args=(here,), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind((here, _PORT))
        while True:
            ear.sendto(*ear.recvfrom(2048))


def ask(here: str, there: str, file: str) -> None:
    """Sends the marker, and writes down when it came back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth, Path(file).open("a", buffering=1) as kept:
        mouth.bind((here, 0))
        mouth.settimeout(_EVERY_S)
        while True:
            try:
                mouth.sendto(MARKER.encode(), (there, _PORT))
                mouth.recv(2048)
                kept.write(f"{time.monotonic()}\n")
                time.sleep(_EVERY_S)
            except OSError:
                time.sleep(_EVERY_S / 4)


def shout(there: str) -> None:
    """A few datagrams with the marker, whether they leave or not."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        for _ in range(5):
            with suppress(OSError):
                mouth.sendto(MARKER.encode(), (there, _PORT))
            time.sleep(_EVERY_S)


def connect(there: str) -> None:
    """More than one segment there and back."""
    said = (MARKER * 2000).encode()
    with socket.create_connection((there, _PORT), timeout=20) as connection:
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        got = b""
        while part := connection.recv(65536):
            got += part
    sys.stdout.write(got.decode())


def main(plan: dict[str, Any]) -> None:
    """Everything, and what is left of it ends."""
    world = World(plan)
    try:
        print(json.dumps(story(world)))
    finally:
        for one in world.gateways:
            one.end()


if __name__ == "__main__":
    told: dict[str, Callable[..., None]] = {"echo": echo, "ask": ask, "connect": connect, "shout": shout}
    if sys.argv[1:]:
        told[sys.argv[1]](*sys.argv[2:])
    else:
        main(json.load(sys.stdin))
