"""An environment's evidence in a temporary folder, and witnesses that are the real script in folders of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dingli.environment import Environment, load
from dingli.evidence import Store, run, signing
from dingli.evidence.exceptions import WitnessError, WitnessUnreachable
from dingli.evidence.manifest import Result
from dingli.evidence.witness import Ask, countersign

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "roles" / "witness" / "files" / "witness"


@dataclass
class Site:
    """Evidence of one environment, two witnesses, and an auditor's allowed_signers."""

    folder: Path
    environment: Environment
    down: set[str] = field(default_factory=set)

    @property
    def store(self) -> Store:
        return Store("lab", self.folder / "state" / "lab")

    @property
    def allowed_signers(self) -> Path:
        return self.folder / "auditor" / "allowed_signers"

    def keep(self, host: str) -> Path:
        """A witness's folder as the role prepares it."""
        folder = self.folder / "witnesses" / host
        if not folder.exists():
            folder.mkdir(parents=True)
            signing.ensure_key(folder / "key", host)
            (folder / "lab.heads").touch()
        return folder

    @contextmanager
    def dial(self, host: str) -> Iterator[Ask]:
        if host in self.down:
            raise WitnessUnreachable(f"{host}: no route", "a witness that answers")

        def ask(command: str) -> str:
            asked = [sys.executable, "-I", str(SCRIPT), "keep", str(self.keep(host)), *command.split()]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise WitnessError(f"{host}: {done.stderr.strip()}", "an answer")
            return done.stdout

        yield ask

    def leave_run(self, title: str = "a drill") -> Path:
        """A run as commands leave one, its head sent to the witnesses."""
        with run(self.environment, "drill", title, store=self.store) as opened:
            opened.event("fault", host="primary-1")
            opened.add_raw("gate/health.json", b"{}")
            opened.result = Result.PASSED
        countersign(self.environment, self.store, self.dial)
        return opened.folder

    def write_allowed_signers(self) -> None:
        operator = signing.public_key(self.store.signing_key())
        lines = [signing.signer_line("lab-operator", signing.EVIDENCE_NAMESPACE, operator)]
        for host in ("standby-1", "dr-1"):
            public = signing.public_key(self.keep(host) / "key")
            lines.append(signing.signer_line(f"lab-witness-{host}", signing.WITNESS_NAMESPACE, public))
        self.allowed_signers.parent.mkdir(exist_ok=True)
        self.allowed_signers.write_text("\n".join(lines) + "\n")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, load(ROOT / "stacks" / "environments" / "lab.yaml"))


@pytest.fixture(scope="session")
def three_runs_once(tmp_path_factory: pytest.TempPathFactory) -> Site:
    made = Site(tmp_path_factory.mktemp("three") / "runs", load(ROOT / "stacks" / "environments" / "lab.yaml"))
    for title in ("first", "second", "third"):
        made.leave_run(title)
    made.write_allowed_signers()
    return made


@pytest.fixture
def three_runs(three_runs_once: Site, tmp_path: Path) -> Site:
    """A site with three closed, witnessed runs, whose signers the auditor knows."""
    shutil.copytree(three_runs_once.folder, tmp_path / "runs", symlinks=True)
    return Site(tmp_path / "runs", three_runs_once.environment)
