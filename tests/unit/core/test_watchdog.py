"""Both kinds of core tell systemd's watchdog that they go on."""

import asyncio
import socket
from pathlib import Path

import pytest
from dingli_core.watchdog import keep_telling
from dingli_minicore.watchdog import Watchdog


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listening.bind(str(tmp_path / "notify"))
    listening.settimeout(30)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return listening


def test_the_main_core_tells(manager: socket.socket) -> None:
    async def live() -> bytes:
        telling = asyncio.create_task(keep_telling())
        heard = await asyncio.to_thread(manager.recv, 64)
        telling.cancel()
        return heard

    assert asyncio.run(live()) == b"WATCHDOG=1"


def test_the_minimal_core_tells_once_a_second_at_most(manager: socket.socket) -> None:
    watchdog = Watchdog()
    for _ in range(100):
        watchdog.beat()
    assert manager.recv(64) == b"WATCHDOG=1"
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(64)


def test_without_a_service_manager_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    Watchdog().beat()
    asyncio.run(asyncio.wait_for(keep_telling(), 30))
