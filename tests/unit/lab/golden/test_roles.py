"""Another image is due when a part of a role that it has was changed, and only then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from infra.providers.rack import account
from lab import identity
from lab.golden.roles import ROOT, applied_roles


@pytest.fixture
def roles(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "roles", tmp_path / "roles"))


@pytest.mark.parametrize(
    ("file", "changed"),
    [
        ("hardening/templates/login.defs.j2", ["hardening/main.yml"]),
        ("hardening/defaults/main.yml", ["hardening/main.yml"]),
        ("base/templates/sshd.conf.j2", ["base/sshd.yml"]),
        ("base/templates/log-guard.timer.j2", ["base/logs.yml"]),
        ("library/dingli_topic.py", ["base/logs.yml", "base/sshd.yml", "hardening/main.yml"]),
        ("image.yml", ["image.yml"]),
        ("base/templates/chrony.conf.j2", []),
        ("base/tasks/accounts.yml", []),
        ("gateway/tasks/main.yml", []),
    ],
)
def test_what_an_image_has_of_the_roles_is_part_of_its_key(roles: Path, file: str, changed: list[str]) -> None:
    before = applied_roles(roles)
    (roles / file).write_text((roles / file).read_text() + "\n# another line\n")
    after = applied_roles(roles)
    assert sorted(name for name in before if before[name] != after[name]) == changed


def test_adoption_takes_away_what_lets_root_in_on_a_machine_that_is_handed_over() -> None:
    assert f"etc/ssh/sshd_config.d/{account.ROOT_LOGIN}" == identity.HANDED_OVER
