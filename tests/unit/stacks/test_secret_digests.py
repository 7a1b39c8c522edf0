"""A changed password is a change of what delivers it, and of nothing else; no digest gives a password away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dingli.environment import Environment, load
from dingli.pki import PasswordStore
from dingli.stacks.secret_digests import secret_digests

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    return load(ROOT / "stacks" / "environments" / "lab.yaml")


def all_of(lab: Environment) -> dict[str, dict[str, str]]:
    cell = lab.cells["alpha"]
    return {
        "base": secret_digests(lab, "base", None, lab.hosts),
        "journal": secret_digests(lab, "journal", None, ["dr-1"]),
        "main core": secret_digests(lab, "core", cell, ["primary-1"]),
        "minimal core": secret_digests(lab, "core", cell, ["standby-1", "standby-2"]),
        "gateway": secret_digests(lab, "gateway", cell, ["dr-1"]),
        "ops": secret_digests(lab, "ops", None, ["ops-1"]),
    }


def changed(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def test_unchanged_secrets_have_unchanged_digests(lab: Environment) -> None:
    assert all_of(lab) == all_of(lab)


def test_the_journals_password_concerns_the_journal_and_minimal_cores(lab: Environment, tmp_path: Path) -> None:
    before = all_of(lab)
    (tmp_path / ".dingli/lab/secrets/minicore-alpha.password").write_text("another password")
    assert changed(before, all_of(lab)) == {"journal", "minimal core"}


def test_a_members_password_concerns_gateways_and_the_load(lab: Environment, tmp_path: Path) -> None:
    before = all_of(lab)
    file = tmp_path / ".dingli/lab/secrets/members.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"M001": "another password"}))
    assert changed(before, all_of(lab)) == {"gateway", "ops"}


def test_equal_passwords_of_two_controllers_have_different_digests(tmp_path: Path) -> None:
    one, other = PasswordStore(tmp_path / "one"), PasswordStore(tmp_path / "other")
    assert one.digest("password") != other.digest("password")
    assert (tmp_path / "one" / "digest.key").stat().st_mode & 0o077 == 0
