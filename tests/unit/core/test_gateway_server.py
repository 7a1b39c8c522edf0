"""What gateways are told: real TLS connections on loopback to the server of a core, without an etcd."""

import asyncio
import datetime
import ssl
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from dingli_core.appender import Batch, Pending
from dingli_core.commands import (
    DISCONNECTED,
    LOGON,
    LOGOUT,
    TICK,
    Command,
    Logon,
    SessionCommand,
    Text,
    Tick,
    encode_command,
)
from dingli_core.config import Config
from dingli_core.entry import Entry, encode_entry
from dingli_core.gateway_server import GatewayServer
from dingli_core.machine import Machine
from dingli_core.wire import Reader, pack_str

WELCOME, ENTRY, STORED, NOT_LEADER, REFUSED, PONG = range(0x81, 0x87)
CONNECTION = 77


class Pki:
    """A CA and certificates that it signs, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = self._write("ca", self._key, "test CA")

    def issue(self, name: str) -> Path:
        return self._write(name, ec.generate_private_key(ec.SECP256R1()), name)

    def _write(self, file: str, key: ec.EllipticCurvePrivateKey, common_name: str) -> Path:
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test CA")]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=file == "ca", path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / f"{file}.key").write_bytes(pem)
        path = self.folder / f"{file}.crt"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path


class Journal:
    """Stands where the leader stands: queues what gateways submit, commits it when told to."""

    def __init__(self) -> None:
        self.machine = Machine("alpha")
        self.queue: list[Pending] = []
        self.lease_alive = True

    def surely_leads(self) -> bool:
        return self.lease_alive

    def submit(self, pending: Pending) -> int:
        self.queue.append(pending)
        return len(self.queue)

    def leader_address(self) -> str:
        return "198.18.2.11:7400"

    def commit(self, server: GatewayServer) -> None:
        pending, self.queue = self.queue or [Pending(encode_command(Tick(TICK, 0)), Tick(TICK, 0), None)], []
        machine = self.machine
        encoded = tuple(item.encoded for item in pending)
        entry = Entry(1, 9, machine.head + 1, bytes(16), machine.time + 1, machine.hash, encoded)
        raw = encode_entry(entry)
        commands: list[Command] = [item.command for item in pending]
        batch = Batch(entry, raw, commands, [item.link for item in pending])
        server.publish(batch, machine.apply(entry, raw, commands))


class Peer:
    """A gateway's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, kind: int, body: bytes) -> None:
        self.writer.write(struct.pack(">IB", len(body) + 1, kind) + body)

    def hello(self, last_out: int = 0) -> None:
        live = pack_str("M1") + struct.pack(">QQ", CONNECTION, last_out)
        self.send(0x01, b"\x01" + pack_str("g") + struct.pack(">H", 1) + live)

    def logon(self) -> None:
        self.send(0x02, encode_command(SessionCommand(LOGON, 1, "M1", CONNECTION, 1, 0, Logon(30, 0))))

    async def frame(self) -> tuple[int, bytes]:
        async with asyncio.timeout(5):
            body = await self.reader.readexactly(int.from_bytes(await self.reader.readexactly(4)))
        return body[0], body[1:]


Scenario = Callable[[GatewayServer, Journal, Callable[[str], Awaitable[Peer]]], Awaitable[None]]


@pytest.fixture
def served(tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario against a server; connections are made with a certificate of the stated common name."""
    pki = Pki(tmp_path)

    async def run(scenario: Scenario) -> None:
        core = pki.issue("core-alpha")
        config = Config.model_validate(
            {
                "cell": "alpha", "core_id": "a/main", "kind": "main", "takeover": "automatic", "lease_s": 2,
                "listen": "127.0.0.1:0", "advertise": "127.0.0.1:0", "etcd": {"endpoints": ["http://127.0.0.1:1"]},
                "tls": {"ca": pki.ca, "cert": core, "key": core.with_suffix(".key")},
                "revision": 1, "max_age_ms": 1, "instruments": [], "state_dir": tmp_path,
            }
        )  # fmt: skip
        journal = Journal()
        server = GatewayServer(config, lambda: journal.machine, journal)
        await server.start()

        async def connect(common_name: str) -> Peer:
            certificate = pki.issue(common_name)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(pki.ca)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            return Peer(*await asyncio.open_connection("127.0.0.1", server.port, ssl=context))

        await scenario(server, journal, connect)
        await server.stop()

    return lambda scenario: asyncio.run(run(scenario))


def test_only_a_gateway_of_the_cell_is_let_in(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, _: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.open()
        for name in ("gateway-beta", "core-alpha"):
            stranger = await connect(name)
            stranger.hello()
            with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                await stranger.frame()
        gateway = await connect("gateway-alpha")
        gateway.hello()
        assert (await gateway.frame())[0] == WELCOME

    served(scenario)


def test_a_core_that_does_not_lead_says_who_does(served: Callable[[Scenario], None]) -> None:
    async def scenario(_: GatewayServer, __: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        gateway = await connect("gateway-alpha")
        gateway.hello()
        assert await gateway.frame() == (NOT_LEADER, pack_str("198.18.2.11:7400"))
        assert await gateway.reader.read() == b""

    served(scenario)


def test_a_hello_waits_while_the_core_takes_over(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, _: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.take_over()
        gateway = await connect("gateway-alpha")
        gateway.hello()
        gateway.send(0x04, bytes(8))
        assert await gateway.frame() == (PONG, bytes(8))
        server.open()
        assert (await gateway.frame())[0] == WELCOME

    served(scenario)


def test_acks_and_events_go_to_the_gateway_that_submitted_and_entries_to_every_gateway(
    served: Callable[[Scenario], None],
) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.open()
        gateway, other = await connect("gateway-alpha"), await connect("gateway-alpha")
        other.send(0x01, b"\x01" + pack_str("other") + b"\0\0")
        gateway.hello()
        assert [(await peer.frame())[0] for peer in (gateway, other)] == [WELCOME, WELCOME]
        gateway.logon()
        gateway.send(0x04, bytes(8))
        assert (await gateway.frame())[0] == PONG
        journal.commit(server)
        kind, body = await gateway.frame()
        assert kind == ENTRY
        reader = Reader(body, 28)
        assert reader.u32() == 1
        assert (reader.u8(), reader.text(16), reader.u64(), reader.u64()) == (LOGON, "M1", CONNECTION, 1)
        assert (reader.u8(), reader.u64(), reader.u64()) == (0, 2, 2)
        assert reader.u32() == 1
        assert await other.frame() == (ENTRY, body[:28] + bytes(8))

    served(scenario)


def test_a_gateway_that_comes_back_is_given_what_it_missed(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        journal.submit(Pending(*_logon(), None))
        journal.commit(server)
        server.open()
        for last_out, missed in ((0, 1), (1, 0)):
            gateway = await connect("gateway-alpha")
            gateway.hello(last_out)
            assert (await gateway.frame())[0] == WELCOME
            kind, body = await gateway.frame()
            reader = Reader(body)
            assert (kind, reader.u32(), reader.text(16), reader.u32()) == (STORED, 0, "M1", missed)
        gateway.send(0x03, struct.pack(">I", 5) + pack_str("M1") + struct.pack(">QQ", 1, 9))
        answers = [await gateway.frame(), await gateway.frame()]
        assert [Reader(body, 7).u32() for _, body in answers] == [1, 0]

    served(scenario)


def test_it_is_given_nothing_from_before_its_connection_s_logon(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        for connection, in_seq in ((CONNECTION - 2, 1), (CONNECTION - 1, 2), (CONNECTION, 3)):
            journal.submit(Pending(*_logon(connection, in_seq), None))
        journal.commit(server)
        server.open()
        gateway = await connect("gateway-alpha")
        gateway.hello(0)
        assert (await gateway.frame())[0] == WELCOME
        reader = Reader((await gateway.frame())[1])
        assert (reader.u32(), reader.text(16), reader.u32()) == (0, "M1", 1)

    served(scenario)


def test_nobody_is_welcomed_while_the_lease_may_have_expired(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.open()
        journal.lease_alive = False
        gateway = await connect("gateway-alpha")
        gateway.hello()
        gateway.send(0x04, bytes(8))
        assert (await gateway.frame())[0] == PONG
        journal.commit(server)
        assert (await gateway.frame())[0] == WELCOME

    served(scenario)


def test_events_go_to_the_newest_link_that_names_the_connection(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.take_over()
        peers = [await connect("gateway-alpha") for _ in range(6)]
        for peer in peers:
            peer.hello()
            peer.send(0x04, bytes(8))
            assert (await peer.frame())[0] == PONG
        server.open()
        for peer in peers:
            assert (await peer.frame())[0] == WELCOME
        peers[0].logon()  # a late one, read from a link that its gateway has given up
        peers[0].send(0x04, bytes(8))
        assert (await peers[0].frame())[0] == PONG
        journal.commit(server)
        found = [Reader((await peer.frame())[1][-8:]).u32() for peer in peers[1:-1]]
        assert found == [0] * 4
        assert len((await peers[-1].frame())[1]) > 36

    served(scenario)


@pytest.mark.parametrize("bad", [encode_command(Tick(TICK, 0)), b"\x77", b""])
def test_what_a_gateway_may_not_submit_closes_its_link(served: Callable[[Scenario], None], bad: bytes) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.open()
        gateway = await connect("gateway-alpha")
        gateway.hello()
        assert (await gateway.frame())[0] == WELCOME
        gateway.send(0x02, bad)
        assert (await gateway.frame())[0] == REFUSED
        assert await gateway.reader.read() == b""
        assert not journal.queue

    served(scenario)


def _logon(connection: int = CONNECTION, in_seq: int = 1) -> tuple[bytes, Command]:
    command = SessionCommand(LOGON, 1, "M1", connection, in_seq, 0, Logon(30, 0))
    return encode_command(command), command


def test_a_link_remembers_only_connections_that_live(served: Callable[[Scenario], None]) -> None:
    async def scenario(server: GatewayServer, journal: Journal, connect: Callable[[str], Awaitable[Peer]]) -> None:
        server.open()
        gateway = await connect("gateway-alpha")
        gateway.hello()
        assert (await gateway.frame())[0] == WELCOME
        for connection in range(100, 130):
            gateway.send(2, encode_command(SessionCommand(LOGON, 1, "M1", connection, 1, 0, Logon(30, 1))))
            if connection % 3 == 0:
                gateway.send(2, encode_command(SessionCommand(LOGOUT, 1, "M1", connection, 2, 0, Text(""))))
            elif connection % 3 == 1:
                gateway.send(2, encode_command(SessionCommand(DISCONNECTED, 1, "M1", connection, 0, 0, None)))
            gateway.send(2, encode_command(SessionCommand(LOGON, 1, "M1", 5, 1, 0, Logon(30, 1))))  # long gone
            gateway.send(4, bytes(8))
            while (await gateway.frame())[0] != PONG:
                pass
            journal.commit(server)
        assert len(server._routes) <= 2  # what the Hello named, and the newest at most

    served(scenario)
