"""A journal, minimal cores and a gateway's link on loopback, for the tests beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dingli_minicore import etcd as e
from dingli_minicore.codec import Command, Entry, Kind, decode_entry, encode_command, encode_entry, pack_str
from dingli_minicore.config import EtcdAccess, Tls
from dingli_minicore.exceptions import EtcdError
from dingli_minicore.keys import Keys

from tests.live.ports import free_port
from tests.waiting import wait_for

CELL = "alpha"
KEYS = Keys(CELL, "test/none")
SOURCE = Path(__file__).parents[3] / "app" / "minicore"


class Journal:
    """One etcd member, and what tests read and write there."""

    def __init__(self, folder: Path, tls: dict[str, str] | None = None, flags: tuple[str, ...] = ()) -> None:
        self.port, peer = free_port(), free_port()
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.port}"
        urls = {"client-urls": self.url, "peer-urls": f"http://127.0.0.1:{peer}"}
        words = [*flags, *(f"--listen-{name}={url}" for name, url in urls.items())]
        words += [f"--advertise-client-urls={self.url}", f"--initial-advertise-peer-urls={urls['peer-urls']}"]
        words += [f"--initial-cluster=default={urls['peer-urls']}", "--heartbeat-interval=50", "--election-timeout=500"]
        program = shutil.which("etcd")
        assert program, "these tests need etcd on PATH"
        self._log = (folder / "etcd.log").open("wb")
        self._process = subprocess.Popen(
            [program, f"--data-dir={folder / 'etcd'}", *words], stdout=self._log, stderr=self._log
        )
        access = EtcdAccess((self.url,), Tls(**tls) if tls else None, "", "")
        self.client = e.Etcd(access, 30.0)
        wait_for(self._is_up)

    def _is_up(self) -> bool:
        try:
            self.client.call("/v3/maintenance/status", {})
        except EtcdError:
            return False
        return True

    def close(self) -> None:
        """End the member."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def put(self, key: str, value: bytes | str) -> int:
        """Write a key below the cell's; the revision."""
        data = value if isinstance(value, bytes) else value.encode()
        return self.client.txn(e.txn_body([], [e.put(KEYS.base + key, data)], [])).revision

    def put_all(self, values: dict[str, bytes | str]) -> None:
        """Write several keys below the cell's, which are seen together."""
        raw = {key: value if isinstance(value, bytes) else value.encode() for key, value in values.items()}
        self.client.txn(e.txn_body([], [e.put(KEYS.base + key, value) for key, value in raw.items()], []))

    def cut_log(self, first: int) -> None:
        """Delete the entries from `first` on, at once."""
        span = e.get_range(KEYS.log(first), KEYS.log_end)["request_range"]
        span.pop("limit")
        self.client.txn(e.txn_body([], [{"request_delete_range": span}], []))

    def delete(self, key: str) -> None:
        """Delete a key below the cell's."""
        self.client.txn(e.txn_body([], [e.delete(KEYS.base + key)], []))

    def get(self, key: str) -> e.Kv | None:
        """A key below the cell's."""
        found = self.client.txn(e.txn_body([], [e.get(KEYS.base + key)], [])).kvs[0]
        return found[0] if found else None

    def json(self, key: str) -> dict[str, Any]:
        """A key's JSON, or nothing."""
        kv = self.get(key)
        return json.loads(kv.value) if kv else {}

    def leader(self) -> str:
        """The id of the core that leads, or nothing."""
        return str(self.json("leader").get("core", ""))

    def status(self, core: str) -> dict[str, Any]:
        """A core's status."""
        return self.json(f"status/{core.replace('/', ':')}")

    def entries(self) -> list[tuple[int, Entry]]:
        """The whole log: by key, decoded."""
        found = self.client.txn(e.txn_body([], [e.get_range(KEYS.log(1), KEYS.log_end)], [])).kvs[0]
        return [(KEYS.log_number(kv.key) or 0, decode_entry(kv.value)) for kv in found]

    def write_entry(self, entry: Entry) -> bytes:
        """Append an entry as a leader would, without its fence."""
        made = encode_entry(entry, [encode_command(each) for each in entry.commands])
        self.put(f"log/{entry.n:016x}", made)
        return made

    def policy(self, **takeover: str) -> None:
        """Write the policy: core ids (`_` for `/`, `-` left out) to takeover."""
        cores = {name.replace("_", "/"): {"kind": "minimal", "takeover": each} for name, each in takeover.items()}
        self.put("policy", json.dumps({"revision": 1, "cores": cores}))


@dataclass
class CoreProcess:
    """A supervised core."""

    core_id: str
    folder: Path
    endpoint: str
    lease_s: float = 5
    tls: dict[str, str] | None = None
    etcd: dict[str, str] | None = None
    port: int = field(default_factory=free_port)
    metrics: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    source: Path = SOURCE

    def start(self) -> None:
        """Start supervisor and core."""
        config = {
            "cell": CELL, "core_id": self.core_id, "kind": "minimal", "takeover": "automatic", "lease_s": self.lease_s,
            "generation": 1, "listen": f"127.0.0.1:{self.port}", "advertise": f"127.0.0.1:{self.port}",
            "metrics": f"127.0.0.1:{self.metrics}", "revision": 1, "max_age_ms": 5000, "tls": self.tls,
            "etcd": {"endpoints": [self.endpoint], **(self.etcd or {})},
            "instruments": [
                {"symbol": "CU2612", "tick": 100, "max_quantity": 1000, "min_price": 100, "max_price": 1_000_000}
            ],
            "state_dir": str(self.folder), "same_city_journal_members": [], "site": "a", "city": "b", "cores": [],
        }  # fmt: skip
        name = self.core_id.replace("/", "-")
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(config))
        with (self.folder / f"{name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dingli_minicore", "--config", str(path)],
                env={**os.environ, "PYTHONPATH": str(self.source)}, stdout=log, stderr=log,
            )  # fmt: skip

    def metric(self, name: str) -> float | None:
        """What Prometheus is told of `dingli_core_<name>`; None while it cannot ask."""
        with suppress(OSError):
            text = urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=5).read().decode()
            series = f'dingli_core_{name}{{cell="{CELL}",core="{self.core_id}",kind="minimal"}} '
            return float(next(line for line in text.splitlines() if line.startswith(series)).removeprefix(series))
        return None

    def child(self) -> int:
        """The process id of the present incarnation; 0 while there is none."""
        assert self.process is not None
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(listed[0]) if listed else 0

    def signal_child(self, number: signal.Signals) -> int:
        """Send a signal to the present incarnation."""
        pid = wait_for(self.child)
        os.kill(pid, number)
        return pid

    def stop(self) -> None:
        """End supervisor and core."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.kill(self.child(), signal.SIGCONT)
            self.process.terminate()
            self.process.wait(timeout=60)


@contextmanager
def running(*cores: CoreProcess) -> Iterator[None]:
    """Cores that run meanwhile."""
    try:
        for core in cores:
            core.start()
        yield
    finally:
        for core in cores:
            core.stop()


class Gateway:
    """A gateway's link, reading and writing frames."""

    def __init__(self, port: int, wrap: Callable[[socket.socket], socket.socket] | None = None) -> None:
        raw = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.sock = wrap(raw) if wrap else raw
        self._received = b""

    def send(self, type_: int, body: bytes) -> None:
        """Send one frame."""
        self.sock.sendall(struct.pack(">IB", len(body) + 1, type_) + body)

    def hello(self, *connections: tuple[str, int, int]) -> None:
        """Introduce the gateway."""
        listed = b"".join(pack_str(name) + struct.pack(">QQ", number, last) for name, number, last in connections)
        self.send(0x01, b"\x01" + pack_str("gw") + struct.pack(">H", len(connections)) + listed)

    def submit(self, kind: Kind, session: str, connection: int, in_seq: int, *body: Any, flags: int = 0) -> None:
        """Submit a command of a session."""
        command = Command(kind, time.time_ns(), session, connection, in_seq, flags, body)
        self.send(0x02, encode_command(command))

    def frame(self) -> tuple[int, bytes]:
        """The next frame: type and body; type 0 when the core has closed."""
        while len(self._received) < 4 or len(self._received) < 4 + int.from_bytes(self._received[:4], "big"):
            data = self.sock.recv(65536)
            if not data:
                return 0, b""
            self._received += data
        end = 4 + int.from_bytes(self._received[:4], "big")
        frame, self._received = self._received[4:end], self._received[end:]
        return frame[0], frame[1:]

    def until(self, type_: int) -> bytes:
        """The body of the next frame of a type; others are left out."""
        while True:
            found, body = self.frame()
            assert found, "the core closed the link"
            if found == type_:
                return body

    def answer(self) -> tuple[list[tuple[int, int, int]], list[bytes]]:
        """The next Entry with acks or events: (kind, in_seq, status) of each ack, and the events."""
        while True:
            body = self.until(0x82)
            at = 28
            (count,) = struct.unpack_from(">I", body, at)
            at += 4
            acks = []
            for _ in range(count):
                kind, length = body[at], body[at + 1]
                at += 2 + length
                _, in_seq, status, _, _ = struct.unpack_from(">QQBQQ", body, at)
                acks.append((kind, in_seq, status))
                at += 33
            events = _listed(body, at)
            if acks or events:
                return acks, events


def _listed(body: bytes, at: int) -> list[bytes]:
    (count,) = struct.unpack_from(">I", body, at)
    at += 4
    found = []
    for _ in range(count):
        (length,) = struct.unpack_from(">H", body, at)
        found.append(body[at + 2 : at + 2 + length])
        at += 2 + length
    assert at == len(body)
    return found
