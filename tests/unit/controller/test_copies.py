"""The command that keeps copies on a host, run as it is there, and what the controller makes of its answers."""

from __future__ import annotations

import base64
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from dingli.controller import ControllerError
from dingli.controller.copies import Dial, Keeper, ask, send
from dingli.controller.envelope import seal
from dingli.controller.recovery import Maker
from dingli.environment import load
from dingli.environment.witnesses import witness_hosts

from .conftest import BASE, ROOT

SCRIPT = ROOT / "roles" / "controller_copies" / "files" / "controller-copies"
MAKER = Maker(X25519PrivateKey.generate().public_key(), Ed25519PrivateKey.generate())


def made_at(minute: int, environment: str = "base") -> bytes:
    return seal({"passphrase": b"x" * 99}, environment, f"2026-11-21T07:{minute:02d}:00Z", "me@here", MAKER)


def command(store: Path, words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    asked = [sys.executable, "-I", str(SCRIPT), "--store", str(store), *words.split()]
    return subprocess.run(asked, input=stdin, capture_output=True, check=False)


def put(store: Path, data: bytes) -> subprocess.CompletedProcess[bytes]:
    return command(store, "put base", base64.b64encode(data))


def test_the_newest_three_are_kept_for_the_owner_alone(tmp_path: Path) -> None:
    for minute in (3, 1, 5, 2):
        last = put(tmp_path, made_at(minute))

    rows = json.loads(last.stdout)
    assert [row["made"][14:16] for row in rows] == ["05", "03", "02"]
    assert command(tmp_path, "get base").stdout == (tmp_path / "base" / rows[0]["name"]).read_bytes()
    for path in (tmp_path / "base").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list((tmp_path / "base").iterdir())) == 3


def test_an_export_comes_back_as_it_was(tmp_path: Path) -> None:
    data = made_at(1)
    name = json.loads(put(tmp_path, data).stdout)[0]["name"]
    put(tmp_path, made_at(2))
    assert command(tmp_path, f"get base {name}").stdout == data


def test_what_is_no_whole_export_of_the_environment_takes_no_ones_place(tmp_path: Path) -> None:
    put(tmp_path, made_at(1))
    whole = made_at(2)
    for wrong in (whole[:-1], whole + b"x", b"", b"something else", made_at(2, "other")):
        assert put(tmp_path, wrong).returncode == 1
    assert command(tmp_path, "put base", b"!not base64!").returncode == 1
    assert command(tmp_path, "put base", base64.b64encode(whole)[:-5]).returncode == 1
    assert len(json.loads(command(tmp_path, "list base").stdout)) == 1


@pytest.mark.parametrize("words", ["", "put", "list", "list ../etc", "get base ../../x", "put base more", "drop base"])
def test_nothing_else_is_understood(tmp_path: Path, words: str) -> None:
    assert command(tmp_path, words).returncode == 2


def test_a_copy_that_was_damaged_on_the_host_is_listed_as_such(tmp_path: Path) -> None:
    name = json.loads(put(tmp_path, made_at(1)).stdout)[0]["name"]
    (tmp_path / "base" / name).write_bytes(made_at(1)[:-9])
    assert "not a whole export" in json.loads(command(tmp_path, "list base").stdout)[0]["damaged"]


def through(stores: Path, down: str = "") -> Dial:
    """Hosts whose account is a folder each."""

    @contextmanager
    def dial(host: str) -> Iterator[Keeper]:
        if host == down:
            raise ControllerError(f"{host} does not answer", "an answer")

        def keeper(words: str, stdin: str) -> str:
            done = command(stores / host, words, stdin.encode())
            if done.returncode != 0:
                raise ControllerError(done.stderr.decode().strip(), "an answer")
            return done.stdout.decode()

        (stores / host).mkdir(exist_ok=True)
        yield keeper

    return dial


def test_copies_go_to_two_sites_and_a_dead_one_does_not_stop_the_other(tmp_path: Path) -> None:
    environment = load(BASE)
    first, second = witness_hosts(environment)
    assert environment.site_of(first) != environment.site_of(second)

    sent = send(environment, made_at(1), through(tmp_path, down=first))
    seen = ask(environment, through(tmp_path))

    assert [outcome.trouble for outcome in sent] == [f"{first} does not answer", ""]
    assert [len(outcome.copies) for outcome in seen] == [0, 1]
    copy = seen[1].copies[0]
    assert copy.age_s(datetime(2026, 11, 21, 7, 2, tzinfo=UTC)) == 60
    assert copy.recipient == MAKER.recipient


def test_an_answer_that_is_none_is_trouble(tmp_path: Path) -> None:
    @contextmanager
    def dial(host: str) -> Iterator[Keeper]:
        yield lambda words, stdin: "Welcome to this host!"

    assert all("no list of copies" in outcome.trouble for outcome in ask(load(BASE), dial))
