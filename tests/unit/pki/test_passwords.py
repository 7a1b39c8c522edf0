"""Passwords that the controller keeps."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dingli.pki import PasswordStore


def test_a_password_stays_and_is_private(tmp_path: Path) -> None:
    store = PasswordStore(tmp_path / "secrets")
    first = store.password("minicore-alpha")
    assert store.password("minicore-alpha") == first
    assert len(first) >= 40
    assert (tmp_path / "secrets" / "minicore-alpha.password").stat().st_mode & 0o077 == 0


def test_a_new_session_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    store = PasswordStore(tmp_path)
    before = store.members(["M001"])
    after = store.members(["M001", "M002"])
    assert after["M001"] == before["M001"]
    assert after["M002"] != after["M001"]


def test_hashes_are_the_passwords_and_do_not_change(tmp_path: Path) -> None:
    store = PasswordStore(tmp_path)
    first = store.member_hashes(["M001", "M002"])
    assert store.member_hashes(["M001", "M002"]) == first
    password = store.members(["M001"])["M001"]
    entry = first["M001"]
    hashed = hashlib.scrypt(
        password.encode(), salt=bytes.fromhex(entry["salt"]), n=entry["n"], r=entry["r"], p=entry["p"], dklen=32
    )
    assert hashed.hex() == entry["hash"]
    assert password not in str(first)


def test_a_changed_password_gets_a_new_hash(tmp_path: Path) -> None:
    store = PasswordStore(tmp_path)
    first = store.member_hashes(["M001"])
    (tmp_path / "members.json").write_text('{"M001": "another"}')
    assert store.member_hashes(["M001"]) != first
