"""The real programs of both sides on loopback, with certificates of an authority of the tests' own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dingli_logstore.store import Store

from dingli import pki
from dingli.pki import CertificateRequest, Places, Usage, initialise, open_authority, sign
from tests.waiting import wait_for

ROLES = Path(__file__).resolve().parents[3] / "roles"
SENDERS = {"log-one": "one", "log-two": "two"}
_DEADLINE_S = 30.0
# journalctl as the sender calls it, on a file of lines that a test adds to.
_JOURNALCTL = """#!{python} -I
import sys, time
after = [a.partition("=")[2] for a in sys.argv if a.startswith("--after-cursor=")]
known = not after
with open({journal!r}, "rb") as journal:
    while True:
        line = journal.readline()
        if not line:
            time.sleep(0.02)
        elif known:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
        else:
            known = after[0].encode() in line
"""


def cursor(number: int) -> str:
    return f"s={'a' * 32};i={number:x};b={'b' * 32};m={number:x};t={number:x};x=1"


def line(number: int, **fields: Any) -> bytes:
    """What journalctl prints of the entry with a number; its message is the number."""
    entry = {
        "__CURSOR": cursor(number),
        "__REALTIME_TIMESTAMP": str(1_795_000_000_000_000 + number),
        "MESSAGE": f"number {number}",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "test",
        "_SYSTEMD_UNIT": "test.service",
        "_PID": "1",
    }
    return json.dumps(entry | fields).encode() + b"\n"


class Authority:
    """Makes certificates for names, in a folder."""

    def __init__(self, folder: Path, same_as: Authority | None = None) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        places = Places.of("test", folder / "state", folder / "root")
        if same_as is None:
            initialise(places)
        self._authority: pki.Authority = same_as._authority if same_as else open_authority(places)
        self.ca = folder / "ca.crt"
        self.ca.write_text(self._authority.ca_pem)

    def files(self, name: str, usage: Usage = Usage.CLIENT) -> dict[str, str]:
        """`{ca, cert, key}` for a common name, made on first use."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        if not certificate.exists():
            made = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
            request = subprocess.run(
                [*made, "-keyout", key, "-subj", f"/CN={name}"], capture_output=True, text=True, check=True
            ).stdout
            wanted = CertificateRequest(name, name, ("127.0.0.1",), (usage,))
            certificate.write_text(sign(self._authority, wanted, request))
        return {"ca": str(self.ca), "cert": str(certificate), "key": str(key)}


@dataclass
class Server:
    """The program of the logs' host, laid out as the role does it."""

    folder: Path
    authority: Authority
    keep_days: int = 180
    process: subprocess.Popen[bytes] | None = None
    port: int = field(default=0)

    def __post_init__(self) -> None:
        shutil.copytree(ROLES / "logserver/files/dingli_logstore", self.folder / "program/dingli_logstore")
        shutil.copy(ROLES / "logserver/files/main.py", self.folder / "program/__main__.py")
        (self.folder / "logs").mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        settings = {
            "root": str(self.folder / "logs"), "listen": "127.0.0.1", "port": self.port, "senders": SENDERS,
            "keep_days": self.keep_days, "least_free_percent": 0,
            **self.authority.files("logserver-ops", Usage.SERVER),
        }  # fmt: skip
        self.settings.write_text(json.dumps(settings))

    @property
    def settings(self) -> Path:
        return self.folder / "logserver.json"

    @property
    def store(self) -> Store:
        return Store(self.folder / "logs")

    @property
    def said(self) -> str:
        return (self.folder / "said").read_text()

    def command(self, verb: str) -> list[str]:
        return [sys.executable, "-I", str(self.folder / "program"), verb, str(self.settings)]

    def run(self, verb: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(verb), input=stdin, capture_output=True, text=True, check=False)

    def start(self) -> None:
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(self.command("receive"), stdout=said, stderr=said)
        wait_for(self._answers)

    def kill(self) -> None:
        """As a power failure does it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def messages(self, host: str) -> list[str]:
        """What is stored of a host, in order; the last line may be half written yet."""
        lines = (line for file in self.store.readable(host) for line in file.lines() if line.endswith(b"\n"))
        records = [json.loads(line) for line in lines]
        return [record["message"] for record in records]

    def connect(self, certificate: dict[str, str] | None) -> ssl.SSLSocket:
        """As a sender that does what a test wants."""
        context = ssl.create_default_context(cafile=self.authority.ca)
        if certificate is not None:
            context.load_cert_chain(certificate["cert"], certificate["key"])
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=_DEADLINE_S)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")


class Host:
    """A host's journal, and the program that sends it."""

    def __init__(self, folder: Path, server: Server, name: str) -> None:
        self.journal = folder / "journal"
        self.journal.touch()
        journalctl = folder / "bin" / "journalctl"
        journalctl.parent.mkdir()
        journalctl.write_text(_JOURNALCTL.format(python=sys.executable, journal=str(self.journal)))
        journalctl.chmod(0o755)
        self._settings = folder / "log-ship.json"
        certificate = server.authority.files(name)
        self._settings.write_text(json.dumps({"address": "127.0.0.1", "port": server.port, **certificate}))
        self._path = str(journalctl.parent)
        self._folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def said(self) -> str:
        return (self._folder / "said").read_text()

    def log(self, *numbers: int) -> None:
        with self.journal.open("ab") as journal:
            journal.write(b"".join(line(number) for number in numbers))

    def start(self) -> None:
        with (self._folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-I", ROLES / "logclient/files/log_ship.py", self._settings],
                env={"PATH": self._path},
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def kill(self) -> None:
        """With the journalctl that it reads, as a service's end takes both."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(tmp_path: Path, authority: Authority) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    made = Server(tmp_path / "server", authority)
    yield made
    made.kill()


@pytest.fixture
def host(tmp_path: Path, server: Server) -> Iterator[Host]:
    """Host `one`, not sending yet."""
    (tmp_path / "one").mkdir()
    made = Host(tmp_path / "one", server, "log-one")
    yield made
    made.kill()
