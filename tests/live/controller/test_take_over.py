"""The lab's controller is lost with its site: a copy from another site makes an empty folder the controller."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dingli import ssh
from dingli.controller.copies import ACCOUNT, COMMAND
from dingli.environment import Environment, load
from dingli.environment.witnesses import witness_hosts
from tests.live.controller.conftest import ROOT

_WITHOUT_ENGINE = "/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load("lab")


@pytest.fixture(scope="module")
def copy(lab: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The newest copy, fetched from another site as a person would: made by the controller that the lab has now."""
    sent = dingli(ROOT, "controller", "export", "lab", "--json")
    assert all(outcome["copies"] and not outcome["trouble"] for outcome in sent)
    host = witness_hosts(lab)[-1]
    with ssh.connect(ssh.target(lab, host)) as connection:
        text = connection.run(f"sudo -n -u {ACCOUNT} {COMMAND} get lab | base64 -w0").stdout
    file = tmp_path_factory.mktemp("copy") / "lab.export"
    file.write_bytes(base64.b64decode(text))
    return file


def dingli(root: Path, *arguments: str, path: str = _WITHOUT_ENGINE) -> Any:
    """What a command of that clone says as JSON; its status must be 0."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "DINGLI_"))}
    program = "from dingli.cli.main import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=ROOT,
        env={**kept, "DINGLI_ROOT": str(root), "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


def test_both_other_sites_have_a_copy_of_this_minute_and_at_most_three(lab: Environment, copy: Path) -> None:
    found = dingli(ROOT, "controller", "list", "lab", "--json")

    sites = {lab.hosts[outcome["host"]].site for outcome in found}
    assert len(sites) == 2
    for outcome in found:
        assert 1 <= len(outcome["copies"]) <= 3
        assert 0 <= outcome["copies"][0]["age_s"] < 120
        assert not outcome["copies"][0]["damaged"]


def test_status_and_switch_work_in_an_empty_folder_without_an_engine(copy: Path, tmp_path: Path) -> None:
    assert shutil.which("pulumi", path=_WITHOUT_ENGINE) is None
    root = tmp_path / "clone"
    root.mkdir()

    taken = dingli(root, "controller", "import", str(copy), "--json")
    found = dingli(root, "status", "lab", "--json")
    plan = dingli(root, "switch", "alpha", "--to", "standby", "--reason", "a rehearsal", "--dry-run", "--json")

    assert taken["environment"] == "lab"
    assert found["ok"]
    assert all(host["reachable"] for host in found["hosts"].values())
    assert plan["result"] in ("allowed", "nothing to do")  # it may lead already
    assert not (root / ".dingli" / "lab" / "build").exists()


def test_the_clone_that_took_over_sees_no_changes(lab: Environment, copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "clone"
    (root / ".dingli" / "pulumi").mkdir(parents=True)
    for name in ("infra", "roles", "dingli", "app", "loadtests", "tools", ".venv", "Pulumi.yaml", "pyproject.toml"):
        (root / name).symlink_to(ROOT / name)
    for name in ("bin", "pulumi-home"):
        (root / ".dingli" / name).symlink_to(ROOT / ".dingli" / name)

    dingli(root, "controller", "import", str(copy), "--json")
    path = f"{root}/.venv/bin:{root}/.dingli/bin:{_WITHOUT_ENGINE}"
    found = dingli(root, "preview", "lab", "--json", path=path)

    assert set(found) == set(lab.sites)
    assert {site: set(outcome["changes"]) for site, outcome in found.items()} == {site: {"same"} for site in found}
