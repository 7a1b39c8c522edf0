"""A mistake in a role of the cores, or of the journal, reaches one host of the lab, while members trade."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dingli.cell import remote
from dingli.environment import Environment
from drills.checker.check import Verdict
from tests.live.drills.conftest import DINGLI, ROOT
from tests.live.drills.trading import Trading

pytestmark = pytest.mark.long

LOAD_S = 200
BROKEN = {
    "core-alpha": ("core/templates/core.service.j2", "User=dingli-core", "User=nobody", "dingli-core@alpha.service"),
    "journal": ("journal/templates/etcd.service.j2", "/etc/etcd/etcd.yaml", "/etc/etcd/none.yaml", "etcd.service"),
}


def up(clone: Path) -> tuple[int, dict[str, Any]]:
    command = [DINGLI, "up", "lab", "--json"]
    variables = {**os.environ, "DINGLI_ROOT": str(clone)}
    done = subprocess.run(command, cwd=clone, env=variables, capture_output=True, text=True, timeout=900, check=False)
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def mistaken(tmp_path: Path, lab: Environment) -> Iterator[Path]:
    """A clone that is this one, state included, but for its roles, which are there to be changed."""
    for part in ROOT.iterdir():
        if part.name not in ("roles", ".git"):
            (tmp_path / part.name).symlink_to(part)
    shutil.copytree(ROOT / "roles", tmp_path / "roles", symlinks=True)
    yield tmp_path
    code, outcome = up(ROOT)
    assert code == 0, outcome


@pytest.fixture
def trading(lab: Environment) -> Iterator[Trading]:
    members = Trading(lab, "broken", LOAD_S, rate=60)
    yield members
    members.stop()


def processes(lab: Environment, unit: str) -> dict[str, str]:
    """The unit's process on every host."""
    words = shlex.join(["systemctl", "show", "--property", "MainPID,NRestarts", "--value", unit])
    return {host: remote.run(lab, host, words).stdout for host in lab.hosts}


@pytest.mark.parametrize("deployment", BROKEN)
def test_it_is_undone_at_the_canary_and_nobody_loses_an_order(
    lab: Environment, trading: Trading, mistaken: Path, deployment: str
) -> None:
    file, right, wrong, unit = BROKEN[deployment]
    template = mistaken / "roles" / file
    assert right in template.read_text()
    template.write_text(template.read_text().replace(right, wrong))
    before = processes(lab, unit)
    trading.begin()

    code, outcome = up(mistaken)

    assert code == 1
    errors = {site: " ".join(one["errors"]) for site, one in outcome["sites"].items()}
    ((site, told),) = [(site, text) for site, text in errors.items() if "canary failed" in text]
    canary = told.split(":")[0]
    assert lab.hosts[canary].site == site
    assert "rolled back to what it had" in told
    assert all("not begun" in text for other, text in errors.items() if other != site)
    assert remote.run(lab, canary, f"systemctl is-active {unit}").stdout.strip() == "active"
    assert processes(lab, unit) == before | {canary: processes(lab, unit)[canary]}
    code, outcome = up(ROOT)
    assert code == 0
    assert all(set(one["changes"]) == {"same"} for one in outcome["sites"].values())
    trading.end()
    report = trading.judged()
    assert (report.verdict, report.lost, report.findings) == (Verdict.PASS, [], []), report.why
