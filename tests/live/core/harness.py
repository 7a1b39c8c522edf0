"""Real processes for these tests: an etcd on loopback, a wire that can be cut, cores, and a gateway's end of a link."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dingli_core.commands import (
    LOGON,
    NEW_ORDER,
    Body,
    EpochStart,
    Logon,
    NewOrder,
    SessionCommand,
    decode_command,
    encode_command,
)
from dingli_core.entry import decode_entry
from dingli_core.wire import Reader, pack_str
from dingli_etcd import Client, EtcdError

from tests.live.ports import free_port

REPOSITORY = Path(__file__).parents[3]
PYTHONPATH = os.pathsep.join(str(REPOSITORY / "app" / part) for part in ("core", "etcd"))
SYMBOL = "CU2612"
PRICE = 500_000
PREFIX = b"/dingli/v1/alpha/"
# A loaded machine's etcd may take longer than the 3 s that an operator waits.
PATIENT_CTL = "import sys; from dingli_core import ctl; ctl.CALL_TIMEOUT_S = 30.0; sys.exit(ctl.main(sys.argv[1:]))"


async def until(condition: Callable[[], Awaitable[Any]], deadline_s: float = 30.0) -> Any:
    """The condition's first true value."""
    end = time.monotonic() + deadline_s
    while True:
        try:
            found = await condition()
        except EtcdError:
            found = None
        if found:
            return found
        assert time.monotonic() < end, f"not within {deadline_s} s: {condition.__name__}"
        await asyncio.sleep(0.01)


class Etcd:
    """One member, without fsync to the disk's cost of others: its data lies in the test's folder."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("etcd")
        assert binary, "no etcd on PATH: install Debian's package etcd-server (and disable its service)"
        self.port, peer = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        peer_url = f"http://127.0.0.1:{peer}"
        options = {
            "data-dir": folder / "etcd",
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": peer_url,
            "initial-advertise-peer-urls": peer_url,
            "initial-cluster": f"default={peer_url}",
            "heartbeat-interval": 50,
            "election-timeout": 500,
            "grpc-keepalive-min-time": "200ms",
        }
        self._log = (folder / "etcd.log").open("wb")
        command = [binary, *(f"--{name}={value}" for name, value in options.items())]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


class Wire:
    """A TCP proxy that can swallow what the server answers, as a failing network would."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.swallowing = False
        self.swallow_from: bytes | None = None
        """From where the client sends this on, answers are swallowed."""
        self.flowing = asyncio.Event()
        """While cleared, what the client sends waits."""
        self.flowing.set()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "Wire":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()

    def cut(self) -> None:
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._writers |= {writer, server_writer}
        there = asyncio.create_task(self._pump(reader, server_writer, False))
        back = asyncio.create_task(self._pump(server_reader, writer, True))
        await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
        writer.close()
        server_writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool) -> None:
        try:
            while data := await reader.read(65536):
                if not answers:
                    await self.flowing.wait()
                    self.swallowing |= self.swallow_from is not None and self.swallow_from in data
                if not (answers and self.swallowing):
                    writer.write(data)
                    await writer.drain()
        except ConnectionError:
            pass


class CoreProcess:
    """A core with its supervisor, as a host runs it."""

    def __init__(self, folder: Path, core: str, endpoints: list[str], cores: dict[str, str], lease_s: int = 10) -> None:
        self.id = core
        self.port, self.metrics_port = free_port(), free_port()
        name = core.replace("/", "-")
        self._config = folder / f"{name}.json"
        self._endpoints = endpoints
        self.log_path = folder / f"{name}.log"
        instrument = {"symbol": SYMBOL, "tick": 100, "max_quantity": 10_000, "min_price": 100, "max_price": 10**9}
        config = {
            "cell": "alpha",
            "core_id": core,
            "kind": "main",
            "takeover": cores[core],
            "lease_s": lease_s,
            "listen": f"127.0.0.1:{self.port}",
            "advertise": f"127.0.0.1:{self.port}",
            "metrics": f"127.0.0.1:{self.metrics_port}",
            "etcd": {"endpoints": endpoints},
            "tls": None,
            "revision": 1,
            "max_age_ms": 60_000,
            "instruments": [instrument],
            "state_dir": str(folder),
            "cores": [{"id": core, "kind": "main", "takeover": takeover} for core, takeover in cores.items()],
        }
        self._config.write_text(json.dumps(config))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, program: Path | None = None) -> None:
        """`program` is a folder with another build of the core to run instead of this tree's."""
        environment = _environment()
        if program is not None:
            environment["PYTHONPATH"] = os.pathsep.join((str(program), environment["PYTHONPATH"]))
        with self.log_path.open("ab") as log:
            command = [sys.executable, "-m", "dingli_core", "--config", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def ctl(self, *arguments: str) -> str:
        command = [sys.executable, "-c", PATIENT_CTL, "--config", str(self._config), *arguments]
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def metric(self, name: str) -> float | None:
        """What Prometheus is told; None while it cannot ask."""
        with contextlib.suppress(OSError):
            text = urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=5).read().decode()
            series = f'{name}{{cell="alpha",core="{self.id}"}} '
            return float(next(line for line in text.splitlines() if line.startswith(series)).removeprefix(series))
        return None

    def events(self) -> list[dict[str, Any]]:
        whole = self.log_path.read_text().rpartition("\n")[0]  # the last line may still be written
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def child(self) -> int:
        """The process id of the core itself, not of its supervisor."""
        return int([event for event in self.events() if event["event"] == "core started"][-1]["pid"])

    def signal_child(self, number: signal.Signals) -> None:
        os.kill(self.child(), number)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=60)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": PYTHONPATH}


@dataclass
class Gateway:
    """The gateway's end of a link, with the one session M001. Frames are kept as they come."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    connection: int
    epoch: int = 0
    next_seq: int = 1
    acks: dict[int, int] = field(default_factory=dict)
    """in_seq to status."""
    entries: list[int] = field(default_factory=list)
    order_reports: list[str] = field(default_factory=list)
    ended: bool = False
    listener: asyncio.Future[None] | None = None

    @classmethod
    async def connect(cls, port: int, connection: int) -> "Gateway":
        """Raises ConnectionError when the core does not welcome it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        gateway = cls(reader, writer, connection)
        live = pack_str("M001") + struct.pack(">QQ", connection, 0)
        gateway.send(0x01, b"\x01" + pack_str("gateway-test") + struct.pack(">H", 1) + live)
        kind, body = await gateway._frame()
        if kind != 0x81:
            raise ConnectionError(f"answered with {kind:#x}")
        gateway.epoch = Reader(body, 4).u64()
        return gateway

    def send(self, kind: int, body: bytes) -> None:
        self.writer.write(struct.pack(">IB", len(body) + 1, kind) + body)

    def submit(self, kind: int, body: Body, in_seq: int | None = None) -> int:
        seq = self.next_seq if in_seq is None else in_seq
        self.next_seq = max(self.next_seq, seq + 1)
        command = SessionCommand(kind, time.time_ns(), "M001", self.connection, seq, 0, body)
        self.send(0x02, encode_command(command))
        return seq

    def logon(self, in_seq: int = 1) -> int:
        return self.submit(LOGON, Logon(30, 0), in_seq)

    def order(self, seq: int | None = None, side: str = "1") -> int:
        seq = self.next_seq if seq is None else seq
        return self.submit(NEW_ORDER, NewOrder(f"O{seq}", "", SYMBOL, side, "2", "0", PRICE, 10), seq)

    def immediate_order(self) -> int:
        """One that finds nobody to trade with and is cancelled at once."""
        seq = self.next_seq
        return self.submit(NEW_ORDER, NewOrder(f"O{seq}", "", SYMBOL, "1", "2", "3", PRICE, 10), seq)

    async def listen(self) -> None:
        """Until the core ends the link."""
        try:
            while True:
                kind, body = await self._frame()
                if kind == 0x82:
                    self._take_entry(body)
                elif kind in (0x84, 0x85):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        self.ended = True

    async def acknowledged(self, seq: int) -> bool:
        return seq in self.acks

    def close(self) -> None:
        self.writer.close()

    def _take_entry(self, body: bytes) -> None:
        reader = Reader(body, 12)
        self.entries.append(reader.u64())
        reader.u64()
        for _ in range(reader.u32()):
            reader.u8()
            reader.text(255)
            reader.u64()
            in_seq, status = reader.u64(), reader.u8()
            reader.u64(), reader.u64()
            self.acks[in_seq] = status
        for _ in range(reader.u32()):
            event = Reader(reader.raw(reader.u16()))
            if event.u8() == 0x90:
                event.text(255), event.u64(), event.u64()
                self.order_reports.append(event.text(255))

    async def _frame(self) -> tuple[int, bytes]:
        length = int.from_bytes(await self.reader.readexactly(4))
        body = await self.reader.readexactly(length)
        return body[0], body[1:]


@dataclass
class Cell:
    """One etcd and the cores that a test starts on it."""

    folder: Path
    etcd: Etcd
    client: Client
    cores: list[CoreProcess] = field(default_factory=list)

    async def core(
        self,
        core: str,
        cores: dict[str, str],
        endpoints: list[str] | None = None,
        lease_s: int = 10,
        program: Path | None = None,
    ) -> CoreProcess:
        """Starts a core; the first one also puts the policy."""
        process = CoreProcess(self.folder, core, endpoints or [self.etcd.url], cores, lease_s)
        if not self.cores:
            await until(lambda: self.policy(cores))
        self.cores.append(process)
        process.start(program)
        return process

    async def policy(self, cores: dict[str, str]) -> int:
        """Puts the policy: core ids, the preferred one first, to takeover."""
        rules = {name: {"kind": "main", "takeover": takeover} for name, takeover in cores.items()}
        return await self.client.put(PREFIX + b"policy", json.dumps({"revision": 1, "cores": rules}).encode())

    async def connect(self, url: str) -> Client:
        return Client([url], None, 2.0)

    async def value(self, key: str) -> dict[str, Any] | None:
        """The key's JSON content."""
        kvs = (await self.client.range(PREFIX + key.encode())).kvs
        return json.loads(kvs[0].value) if kvs else None

    async def leader(self) -> str | None:
        content = await self.value("leader")
        return None if content is None else str(content["core"])

    async def nobody_leads(self) -> bool:
        return await self.leader() is None

    async def leads(self, core: CoreProcess) -> bool:
        """It holds the leader key, its epoch has begun, and its gateways are welcome."""
        status = await self.value("status/" + core.id.replace("/", ":"))
        leader = (await self.client.range(PREFIX + b"leader")).kvs
        if not leader or json.loads(leader[0].value)["core"] != core.id or not status or status["role"] != "leader":
            return False
        # It says so from the moment that it has won: EpochStart, and Configure if there is one, come after that.
        newest = (await self.client.range(PREFIX + b"log/%016x" % status["head"])).kvs
        entry = decode_entry(newest[0].value) if newest else None
        if entry is None or entry.epoch != leader[0].create_revision:
            return False
        return not isinstance(decode_command(entry.commands[0]), EpochStart)

    async def gateway(self, connection: int) -> Gateway:
        """A link to whoever leads."""

        async def linked() -> Gateway | None:
            content = await self.value("leader")
            if content is None:
                return None
            try:
                return await Gateway.connect(int(content["address"].rpartition(":")[2]), connection)
            except (ConnectionError, asyncio.IncompleteReadError):
                return None

        gateway: Gateway = await until(linked)
        gateway.listener = asyncio.ensure_future(gateway.listen())
        return gateway

    async def log(self) -> list[tuple[int, bytes]]:
        """Every entry, by number."""
        found = await self.client.range(PREFIX + b"log/", PREFIX + b"log0", timeout_s=10)
        return [(int(kv.key.rpartition(b"/")[2], 16), kv.value) for kv in found.kvs]

    async def stop(self) -> None:
        """In threads: a core that is told to end still talks to etcd, perhaps over a wire of this very process."""
        await asyncio.gather(*(asyncio.to_thread(core.stop) for core in self.cores))
        self.cores.clear()


def dumped(text: str) -> list[tuple[int, bytes]]:
    lines = [json.loads(line) for line in text.splitlines()]
    return [(line["n"], base64.b64decode(line["value"])) for line in lines]
