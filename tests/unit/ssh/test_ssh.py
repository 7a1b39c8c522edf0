"""Host keys and addresses: who is believed to be whom."""

from __future__ import annotations

import base64
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from dingli.environment import load
from dingli.ssh import (
    Jump,
    KnownHosts,
    Target,
    Unreachable,
    connect,
    fingerprint,
    make_deploy_key,
    openssh_options,
    target,
)


def _key(file: Path) -> paramiko.PKey:
    make_deploy_key(file)
    return paramiko.PKey.from_path(str(file))


def test_a_fingerprint_reads_as_ssh_keygen_prints_it(tmp_path: Path) -> None:
    found = fingerprint(_key(tmp_path / "key"))

    assert found.startswith("SHA256:")
    assert len(base64.b64decode(found.removeprefix("SHA256:") + "=")) == 32


def test_a_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    first = make_deploy_key(tmp_path / "secrets" / "key")

    assert make_deploy_key(tmp_path / "secrets" / "key") == first
    assert (tmp_path / "secrets" / "key").stat().st_mode & 0o777 == 0o600


def test_an_address_has_one_known_key(tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    old, new = _key(tmp_path / "old"), _key(tmp_path / "new")
    known.remember("198.51.100.1", 22, old)
    known.remember("198.51.100.11", 22, old)
    known.remember("198.51.100.1", 22, new)

    loaded = paramiko.HostKeys(str(known.path))
    assert loaded.check("198.51.100.1", new)
    assert not loaded.check("198.51.100.1", old)
    assert loaded.check("198.51.100.11", old)


def test_a_forgotten_address_is_unknown(tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "known_hosts")
    known.remember("198.51.100.1", 2222, _key(tmp_path / "key"))
    known.forget("198.51.100.1", 2222)

    assert ("198.51.100.1", 2222) not in known


def test_openssh_is_as_strict_and_goes_through_the_bastion(tmp_path: Path) -> None:
    jump = Jump("203.0.113.1", 2022, "gate")
    options = openssh_options(
        Target("h", "198.51.100.1", "dingli-deploy", tmp_path / "known", tmp_path / "key", jump=jump)
    )

    assert "StrictHostKeyChecking=yes" in options
    assert f"UserKnownHostsFile={tmp_path}/known" in options
    proxy = next(option for option in options if option.startswith("ProxyCommand="))
    assert proxy.endswith("-p 2022 -W %h:%p gate@203.0.113.1")
    assert "StrictHostKeyChecking=yes" in proxy


def test_a_declared_host_is_reached_as_the_deploy_account() -> None:
    reached = target(load("lab"), "dr-1")

    assert (reached.address, reached.user) == ("198.18.3.11", "dingli-deploy")
    assert reached.key is not None
    assert reached.key.parts[-3:] == ("lab", "secrets", "deploy_key")
    assert os.fspath(reached.known_hosts).endswith(".dingli/lab/known_hosts")


@pytest.mark.parametrize(("patience_s", "waits"), [(None, False), (60, True)])
def test_a_server_that_is_slow_to_speak_is_waited_for(tmp_path: Path, patience_s: float | None, waits: bool) -> None:
    """It took the connection, so its host has power: it is busy."""

    def speak() -> None:
        peer, _ = server.accept()
        with peer, suppress(OSError):
            never.wait(3)
            peer.recv(100)
            peer.sendall(b"SSH-2.0-late\r\n")
            heard.append(peer.recv(100))  # nothing from who has given up

    never, heard = threading.Event(), list[bytes]()
    with socket.create_server(("127.0.0.1", 0)) as server:
        speaker = threading.Thread(target=speak)
        speaker.start()
        busy = Target("h", "127.0.0.1", "dingli-deploy", tmp_path / "known", port=server.getsockname()[1])
        with pytest.raises(Unreachable):
            connect(busy, timeout_s=0.5, patience_s=patience_s)
        speaker.join()
    assert any(heard) == waits
