"""A cell on loopback: etcd, main cores and gateways as real processes."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dingli_etcd import Client, EtcdError
from dingli_gateway.passwords import new_record

from tests.live.gateway.certificates import Authority
from tests.live.ports import free_port
from tests.waiting import wait_for

__all__ = ["CELL", "PASSWORD", "SESSIONS", "Cell"]

ROOT = Path(__file__).resolve().parents[3]
CELL = "alpha"
PASSWORD = "correct horse"
SESSIONS = ["M1", "M2", "M3"]


class Cell:
    """Everything is started by the test and stopped by `close`. Log files lie in the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority(folder)
        self._core_tls = self.authority.issue(f"core-{CELL}")
        self._gateway_tls = self.authority.issue(f"gateway-{CELL}")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._metrics: dict[str, int] = {}
        self.fix_ports: dict[str, int] = {}
        self.endpoint = f"http://127.0.0.1:{free_port()}"
        records = {session: new_record(PASSWORD, n=1024) for session in SESSIONS}
        (folder / "members.json").write_text(json.dumps(records))
        self._start_etcd()

    def _start(self, name: str, command: list[str]) -> None:
        paths = [str(ROOT / "app" / part) for part in ("core", "etcd", "gateway")]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def _start_etcd(self) -> None:
        peer = f"http://127.0.0.1:{free_port()}"
        self._start(
            "etcd",
            ["etcd", "--name=one", f"--data-dir={self.folder / 'etcd'}"]
            + [f"--{kind}-client-urls={self.endpoint}" for kind in ("listen", "advertise")]
            + [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=one={peer}"]
            + ["--heartbeat-interval=50", "--election-timeout=500"],
        )
        wait_for(lambda: self.get("policy") is not None, what="etcd answers")

    def get(self, key: str) -> bytes | None:
        """A key of the cell; empty if it is absent, None if etcd does not answer."""

        async def read() -> bytes | None:
            client = Client([self.endpoint], None, 10.0)
            try:
                response = await client.range(f"/dingli/v1/{CELL}/{key}".encode())
            except EtcdError:
                return None
            finally:
                await client.close()
            return response.kvs[0].value if response.kvs else b""

        return asyncio.run(read())

    def set_policy(self, cores: list[str]) -> None:
        """These cores may take over by themselves, in this order."""

        async def put(value: bytes) -> None:
            client = Client([self.endpoint], None, 10.0)
            await client.put(f"/dingli/v1/{CELL}/policy".encode(), value)
            await client.close()

        entries = {core: {"kind": "main", "takeover": "automatic"} for core in cores}
        asyncio.run(put(json.dumps({"revision": 1, "cores": entries}).encode()))

    def leader(self) -> str:
        """The core id in the leader key, or nothing."""
        value = self.get("leader")
        return str(json.loads(value)["core"]) if value else ""

    def start_core(self, core: str, lease_s: int = 10) -> None:
        """A main core with its supervisor."""
        name = core.replace("/", "-")
        address = f"127.0.0.1:{free_port()}"
        instruments = [
            {"symbol": symbol, "tick": 100, "max_quantity": 10_000, "min_price": 100, "max_price": 10_000_000}
            for symbol in ("WIDGET", "GADGET")
        ]
        config = {
            "cell": CELL, "core_id": core, "kind": "main", "takeover": "automatic", "lease_s": lease_s,
            "listen": address, "advertise": address, "etcd": {"endpoints": [self.endpoint]}, "tls": self._core_tls,
            "revision": 1, "max_age_ms": 60_000, "instruments": instruments, "state_dir": str(self.folder / name),
        }  # fmt: skip
        (self.folder / name).mkdir(exist_ok=True)
        self._run(name, "dingli_core", config)

    def start_gateway(self, name: str, fix_tls: bool = True) -> int:
        """A gateway; its FIX port."""
        port, metrics = free_port(), free_port()
        server = self.authority.issue(name) if fix_tls else None
        config = {
            "cell": CELL, "gateway_id": name, "fix_listen": f"127.0.0.1:{port}", "metrics": f"127.0.0.1:{metrics}",
            "etcd": {"endpoints": [self.endpoint]}, "tls": self._gateway_tls,
            "fix_tls": server and {"cert": server["cert"], "key": server["key"]},
            "members_file": str(self.folder / "members.json"), "state_dir": str(self.folder / name),
            "max_message_bytes": 8192,
        }  # fmt: skip
        (self.folder / name).mkdir(exist_ok=True)
        self._run(name, "dingli_gateway", config)
        self._metrics[name], self.fix_ports[name] = metrics, port
        wait_for(lambda: self.metric(name, "dingli_gateway_linked") == 1.0, what=f"{name} is linked to the leader")
        return port

    def _run(self, name: str, module: str, config: dict[str, Any]) -> None:
        path = self.folder / f"{name}.json"
        path.write_text(json.dumps(config))
        self._start(name, [sys.executable, "-m", module, "--config", str(path)])

    def metric(self, gateway: str, series: str) -> float:
        """The value of a series (with its labels as Prometheus writes them), 0 where it is absent."""
        return sum(value for name, value in self._series(gateway) if name == series)

    def metric_sum(self, gateway: str, beginning: str) -> float:
        """The sum of all series that begin like this."""
        return sum(value for name, value in self._series(gateway) if name.startswith(beginning))

    def _series(self, gateway: str) -> list[tuple[str, float]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._metrics[gateway]}/metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return []
        pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return [(name, float(value)) for name, _, value in pairs]

    def memory_kb(self, name: str) -> int:
        """Resident memory of a process that was started here."""
        status = Path(f"/proc/{self._processes[name].pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in status if line.startswith("VmRSS:")))

    def entries(self) -> list[bytes]:
        """The whole log, in order."""

        async def read() -> list[bytes]:
            client, start, found = Client([self.endpoint], None, 10.0), 1, []
            while True:
                key, end = (f"/dingli/v1/{CELL}/log{what}".encode() for what in (f"/{start:016x}", "0"))
                page = await client.range(key, end, limit=500)
                found += [kv.value for kv in page.kvs]
                start += len(page.kvs)
                if not page.more:
                    break
            await client.close()
            return found

        return asyncio.run(read())

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """A signal to the process and all its children, as when power is lost."""
        os.killpg(self._processes[name.replace("/", "-")].pid, number)

    def child_of(self, name: str) -> int:
        """The process id of the core that a supervisor runs; 0 while there is none."""
        supervisor = self._processes[name.replace("/", "-")].pid
        children = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()
        return int(children[0]) if children else 0

    def stop(self, name: str) -> int:
        """Ask a process to end; its exit code."""
        process = self._processes.pop(name)
        process.terminate()
        return process.wait(timeout=60)

    @staticmethod
    @contextlib.contextmanager
    def trading(folder: Path, **gateways: bool) -> "Iterator[Cell]":
        """A cell with one core that leads, and these gateways; the value says whether it speaks TLS to members."""
        cell = Cell(folder)
        try:
            cell.set_policy(["host-1/main"])
            cell.start_core("host-1/main")
            wait_for(cell.leader, what="a leader")
            for name, fix_tls in gateways.items():
                cell.start_gateway(name, fix_tls=fix_tls)
            yield cell
        finally:
            cell.close()

    def close(self) -> None:
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
