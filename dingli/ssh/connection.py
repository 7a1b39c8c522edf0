"""Opening SSH connections with paramiko, and running commands over them."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import paramiko

from dingli.ssh.exceptions import AuthenticationRefused, CommandFailed, HostKeyRefused, Unreachable
from dingli.ssh.known_hosts import KnownHosts, fingerprint
from dingli.ssh.target import Target

__all__ = ["Connection", "Result", "connect", "offered_fingerprints"]

_KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512")


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    stdout: str
    stderr: str
    status: int


class _Pinned(paramiko.MissingHostKeyPolicy):
    """First contact: the server's key must have the declared fingerprint."""

    def __init__(self, expected: str | None) -> None:
        self.expected = expected

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        found = fingerprint(key)
        if found != self.expected:
            raise HostKeyRefused(hostname, found, self.expected or "a declared host_key_sha256 (none is)")


class Connection:
    """An open connection; close it, or use it as a context manager."""

    def __init__(self, target: Target, client: paramiko.SSHClient, jump: Connection | None) -> None:
        self.target = target
        self._client = client
        self._jump = jump

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, and the connection to the bastion below it."""
        self._client.close()
        if self._jump is not None:
            self._jump.close()

    @property
    def transport(self) -> paramiko.Transport:
        """For channels that outlive one command."""
        transport = self._client.get_transport()
        if transport is None:
            raise Unreachable(f"{self.target.name}: the connection is closed", "an open one", "connect again")
        return transport

    @property
    def host_key(self) -> paramiko.PKey:
        """The key with which the server proved itself."""
        return self.transport.get_remote_server_key()

    def run(
        self, command: str, *, stdin: str | bytes | None = None, timeout_s: float = 60, check: bool = True
    ) -> Result:
        """Run `command` in the account's shell. With `check`, a status other than 0 raises `CommandFailed`."""
        try:
            channel = self.transport.open_session(timeout=timeout_s)
            channel.settimeout(timeout_s)
            channel.exec_command(command)
            if stdin is not None:
                channel.sendall(stdin.encode() if isinstance(stdin, str) else stdin)
            channel.shutdown_write()
            stdout, stderr = self._collect(channel, time.monotonic() + timeout_s)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise CommandFailed(
                f"{self.target.name}: {str(error) or type(error).__name__} during {command[:80]!r}",
                f"its end within {timeout_s:.0f} s",
                "see whether the host is up",
            ) from error
        result = Result(stdout, stderr, channel.recv_exit_status())
        if check and result.status != 0:
            detail = (result.stderr or result.stdout).strip()[-500:]
            raise CommandFailed(
                f"{self.target.name}: status {result.status} from {command[:80]!r}: {detail}", "status 0"
            )
        return result

    @staticmethod
    def _collect(channel: paramiko.Channel, deadline: float) -> tuple[str, str]:
        parts: tuple[list[bytes], list[bytes]] = ([], [])
        while True:
            ended = channel.exit_status_ready()
            while channel.recv_ready():
                parts[0].append(channel.recv(65536))
            while channel.recv_stderr_ready():
                parts[1].append(channel.recv_stderr(65536))
            if ended and (channel.eof_received or channel.closed) and not channel.recv_ready():
                return b"".join(parts[0]).decode(errors="replace"), b"".join(parts[1]).decode(errors="replace")
            if time.monotonic() > deadline:
                channel.close()
                raise TimeoutError("no end in time")
            channel.status_event.wait(0.02)


def connect(
    target: Target, *, host_key_sha256: str | None = None, timeout_s: float = 10, patience_s: float | None = None
) -> Connection:
    """Open a connection.

    The server's key must be in the target's known_hosts. With `host_key_sha256` (first contact) it must have that
    fingerprint instead. A host has `timeout_s` to take the connection, and its server, which may be busy, `patience_s`
    (none given: as long) for its first word. Raises `Unreachable`, `HostKeyRefused` or `AuthenticationRefused`.
    """
    jump = _connect_jump(target, timeout_s)
    try:
        client = _open(target, host_key_sha256, timeout_s, patience_s or timeout_s, jump)
    except BaseException:
        if jump is not None:
            jump.close()
        raise
    return Connection(target, client, jump)


def _connect_jump(target: Target, timeout_s: float) -> Connection | None:
    if target.jump is None:
        return None
    jump = target.jump
    bastion = replace(
        target, name=f"bastion {jump.address}", address=jump.address, port=jump.port, user=jump.user, jump=None
    )
    opened = connect(bastion, host_key_sha256=jump.host_key_sha256, timeout_s=timeout_s)
    KnownHosts(target.known_hosts).remember(jump.address, jump.port, opened.host_key)
    return opened


def _socket(target: Target, timeout_s: float, jump: Connection | None) -> socket.socket | paramiko.Channel:
    if jump is None:
        return socket.create_connection((target.address, target.port), timeout=timeout_s)
    return jump.transport.open_channel(
        "direct-tcpip", (target.address, target.port), ("127.0.0.1", 0), timeout=timeout_s
    )


def _open(
    target: Target, host_key_sha256: str | None, timeout_s: float, patience_s: float, jump: Connection | None
) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.RejectPolicy())
    if host_key_sha256 is not None:
        client.set_missing_host_key_policy(_Pinned(host_key_sha256))
    elif target.known_hosts.exists():
        client.load_host_keys(str(target.known_hosts))
    with _as_our_errors(target):
        client.connect(
            target.address,
            target.port,
            target.user,
            key_filename=str(target.key) if target.key else None,
            allow_agent=target.key is None,
            look_for_keys=False,
            timeout=patience_s,
            banner_timeout=patience_s,
            auth_timeout=patience_s * 2,
            sock=_socket(target, timeout_s, jump),
        )
    return client


@contextlib.contextmanager
def _as_our_errors(target: Target) -> Iterator[None]:
    where = f"{target.name} ({target.user}@{target.address}:{target.port})"
    try:
        yield
    except paramiko.BadHostKeyException as error:
        raise HostKeyRefused(where, fingerprint(error.key), fingerprint(error.expected_key)) from error
    except paramiko.AuthenticationException as error:
        raise AuthenticationRefused(
            f"{where}: the server refuses the key {target.key or 'of ssh-agent'}",
            "that it is accepted",
            "see the account's authorized_keys",
        ) from error
    except paramiko.SSHException as error:
        if "not found in known_hosts" in str(error):
            raise HostKeyRefused(where, "cannot be checked: none is known", f"one in {target.known_hosts}") from error
        raise Unreachable(
            f"{where}: {str(error) or 'no answer'}", "an SSH server", "see whether the host is up"
        ) from error
    except (OSError, EOFError) as error:
        raise Unreachable(
            f"{where}: {str(error) or 'no answer'}", "an SSH server", "see whether the host is up"
        ) from error


def offered_fingerprints(target: Target, timeout_s: float = 10) -> dict[str, str]:
    """The fingerprint of each host key that a server offers, without logging in: `{key type: SHA256:…}`."""
    found: dict[str, str] = {}
    jump = _connect_jump(target, timeout_s)
    try:
        for key_type in _KEY_TYPES:
            with _as_our_errors(target):
                transport = paramiko.Transport(_socket(target, timeout_s, jump))
            try:
                transport.get_security_options().key_types = (key_type,)
                transport.start_client(timeout=timeout_s)
                found[key_type] = fingerprint(transport.get_remote_server_key())
            except (paramiko.SSHException, EOFError):
                continue  # the server has no key of this type
            finally:
                transport.close()
    finally:
        if jump is not None:
            jump.close()
    return found
