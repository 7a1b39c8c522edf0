"""Configuration, members and unconfirmed commands."""

import asyncio
import json
from pathlib import Path

import pytest
from dingli_gateway.config import load_config
from dingli_gateway.exceptions import ConfigError, WireError
from dingli_gateway.kept import Kept, KeptCommands
from dingli_gateway.passwords import Passwords, load_members, new_record
from dingli_gateway.wire import Ack, Kind

CONFIG = {
    "cell": "alpha",
    "gateway_id": "g1",
    "fix_listen": "198.18.1.12:7410",
    "metrics": "198.18.1.12:7411",
    "etcd": {"endpoints": ["https://198.18.1.11:2379"], "ca": "ca", "cert": "cert", "key": "key"},
    "tls": {"ca": "ca", "cert": "cert", "key": "key"},
    "fix_tls": {"cert": "cert", "key": "key"},
    "members_file": "members.json",
    "state_dir": "state",
}


def write(folder: Path, content: object) -> Path:
    path = folder / "file.json"
    path.write_text(json.dumps(content))
    return path


def test_a_whole_configuration_is_read(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, CONFIG))
    assert config.fix_listen == ("198.18.1.12", 7410)
    assert config.max_message_bytes == 8192


MISTAKES = [
    ({"cell": 3}, "cell: found 3, expected a text"),
    ({"fix_listen": "nowhere"}, "fix_listen: found 'nowhere', expected address:port"),
    ({"fix_tls": None}, "fix_tls: missing, but fix_listen 198.18.1.12 is not on loopback"),
    ({"etcd": {"endpoints": ["http://198.18.1.11:2379"]}}, "is not on loopback, so ca, cert and key are needed"),
    ({"max_message_bytes": "big"}, "max_message_bytes: found 'big', expected a whole number of at least 512"),
    ({"colour": "red"}, "colour: unknown key"),
]


@pytest.mark.parametrize(("change", "mistake"), MISTAKES)
def test_a_mistake_is_told(tmp_path: Path, change: dict[str, object], mistake: str) -> None:
    with pytest.raises(ConfigError) as told:
        load_config(write(tmp_path, {**CONFIG, **change}))
    assert mistake in str(told.value)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        load_config(write(tmp_path, {**CONFIG, "cell": "", "metrics": "x", "colour": 1}))
    assert len(str(told.value).splitlines()) == 3


def test_only_the_right_password_of_a_known_session_is_taken(tmp_path: Path) -> None:
    passwords = Passwords(write(tmp_path, {"M1": new_record("secret", n=1024)}))

    async def attempts() -> list[bool]:
        asked = [(b"M1", b"secret"), (b"M1", b"Secret"), (b"M2", b"secret")]
        return [await passwords.verify("::1", session, password) for session, password in asked]

    assert asyncio.run(attempts()) == [True, False, False]


def test_repeated_failures_of_one_peer_take_longer(tmp_path: Path) -> None:
    passwords = Passwords(write(tmp_path, {"M1": new_record("secret", n=1024)}))

    async def attempts() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            await passwords.verify("a", b"M1", b"wrong")
        times = [loop.time()]
        for peer in ("b", "a"):
            assert await passwords.verify(peer, b"M1", b"secret")
            times.append(loop.time())
        return times[1] - times[0], times[2] - times[1]

    other_peer_s, same_peer_s = asyncio.run(attempts())
    assert same_peer_s >= 1.0
    assert other_peer_s < same_peer_s


@pytest.mark.parametrize("content", [[], {"M1": {}}, {"M1": {**new_record("x", n=2), "salt": "no hex"}}])
def test_a_members_file_that_is_none_is_told(tmp_path: Path, content: object) -> None:
    with pytest.raises(ConfigError, match="not a members file"):
        load_members(write(tmp_path, content))


def kept(in_seq: int) -> Kept:
    return Kept(Kind.HEARTBEAT, 5, in_seq, b"", b"", 0.0)


def ack(in_seq: int) -> Ack:
    return Ack(Kind.HEARTBEAT, b"M1", 5, in_seq, 0, in_seq + 1, 1)


def test_commands_are_kept_until_acknowledged_in_order() -> None:
    commands = KeptCommands()
    commands.add(kept(1))
    commands.add(kept(2))
    assert commands.acknowledged(ack(1)) == kept(1)
    assert list(commands) == [kept(2)]


@pytest.mark.parametrize("stray", [ack(2), ack(3)])
def test_an_ack_for_anything_but_the_oldest_is_a_defect(stray: Ack) -> None:
    commands = KeptCommands()
    commands.add(kept(1))
    commands.add(kept(2))
    with pytest.raises(WireError, match="expected"):
        commands.acknowledged(stray)
