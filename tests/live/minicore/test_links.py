"""Links are mutual TLS, and only this cell's gateways get through."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.live.minicore.rig import CoreProcess, Gateway, Journal, running
from tests.live.minicore.secured import authority, tls_of
from tests.waiting import wait_for


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of a core, its gateway, and another cell's gateway."""
    return authority(tmp_path_factory.mktemp("pki"), "core-alpha", "gateway-alpha", "gateway-beta")


def _wrap(pki: Path, name: str | None) -> Callable[[socket.socket], socket.socket]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(pki / "ca.crt")
    if name is not None:
        context.load_cert_chain(pki / f"{name}.crt", pki / f"{name}.key")
    return context.wrap_socket


def _greet(port: int, wrap: Callable[[socket.socket], socket.socket] | None) -> None:
    stranger = Gateway(port, wrap)
    stranger.hello()
    stranger.until(0x81)


def test_only_this_cells_gateways_are_served(journal: Journal, tmp_path: Path, pki: Path) -> None:
    journal.policy(one_minimal="automatic")
    core = CoreProcess("one/minimal", tmp_path, journal.url, tls=tls_of(pki, "core-alpha"))
    with running(core):
        wait_for(lambda: journal.status("one/minimal").get("role") == "leader")
        gateway = Gateway(core.port, _wrap(pki, "gateway-alpha"))
        gateway.hello()
        assert gateway.frame()[0] == 0x81
        assert gateway.frame()[0] == 0x82
        for name in ("gateway-beta", "core-alpha", None):
            with pytest.raises((OSError, AssertionError)):
                _greet(core.port, _wrap(pki, name))
        with pytest.raises((OSError, AssertionError)):
            _greet(core.port, None)
        assert gateway.frame()[0] == 0x82
