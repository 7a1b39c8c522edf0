"""Clones in temporary folders, as a controller fills them: state, settings, keys, certificates, evidence."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dingli.controller.envelope import Sealed, parse
from dingli.controller.export import export
from dingli.controller.recovery import RecoveryKey, make_key
from dingli.environment import Environment, load
from dingli.evidence import Result, run
from dingli.pki import PasswordStore, Places, initialise
from dingli.ssh import make_deploy_key

ROOT = Path(__file__).resolve().parents[3]
BASE = ROOT / "tests" / "unit" / "environment" / "base.yaml"
NAME = "base"
CHECKPOINT = {"version": 3, "checkpoint": {"stack": "organization/dingli/base-one", "latest": {"resources": []}}}
HANDOVER_KEY = "SHA256:" + "k" * 43


@dataclass
class Clone:
    """`inside` makes it the clone that everything is asked of; `data` is where the user's own data would be."""

    path: Path
    data: Path

    @property
    def state(self) -> Path:
        return self.path / ".dingli" / NAME

    @contextmanager
    def inside(self) -> Iterator[Environment | None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DINGLI_ROOT", str(self.path))
            patch.setenv("XDG_DATA_HOME", str(self.data))
            patch.delenv("PULUMI_BACKEND_URL", raising=False)
            patch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
            file = self.path / "stacks" / "environments" / f"{NAME}.yaml"
            yield load(NAME) if file.exists() else None

    def files(self) -> dict[str, bytes]:
        """Everything in it, by path; locks are not something that it has."""
        found = (path for path in self.path.rglob("*") if path.is_file() and not path.name.endswith("lock"))
        return {path.relative_to(self.path).as_posix(): path.read_bytes() for path in found}

    def folders(self) -> set[str]:
        return {path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_dir()}


def declaration(*, bucket: bool = False, handover: str | None = None) -> str:
    """The environment file, its state in a folder unless `bucket`."""
    lines = [line for line in BASE.read_text().splitlines() if bucket or not line.startswith("state:")]
    return "\n".join([*lines, *([f"handover: {handover}"] if handover else [])]) + "\n"


def fill(clone: Clone, declared: str) -> None:
    """Make it a controller with two runs behind it."""
    (clone.path / "stacks" / "environments").mkdir(parents=True)
    (clone.path / "stacks" / "environments" / f"{NAME}.yaml").write_text(declared)
    (clone.path / "stacks" / "Pulumi.base-one.yaml").write_text("encryptionsalt: v1:abc\n")
    (clone.path / ".dingli").mkdir()
    (clone.path / ".dingli" / "passphrase").write_text("the passphrase\n")
    backend = clone.path / ".dingli" / "pulumi" / ".pulumi"
    (backend / "stacks" / "dingli").mkdir(parents=True)
    (backend / "meta.yaml").write_text("version: 1\n")
    (backend / "stacks" / "dingli" / "base-one.json").write_text(json.dumps(CHECKPOINT))
    (backend / "stacks" / "dingli" / "other-one.json").write_text(json.dumps(CHECKPOINT))
    with clone.inside() as environment:
        assert environment is not None
        initialise(Places.of(NAME, clone.state))
        make_deploy_key(clone.state / "secrets" / "deploy_key")
        PasswordStore(clone.state / "secrets").members(["M1"])
        (clone.state / "unfinished").mkdir()
        (clone.state / "unfinished" / "one--base.json").write_text('["a"]')
        for title in ("first", "second"):
            with run(environment, "drill", title) as opened:
                opened.add_raw("output", "much output")
                opened.result = Result.PASSED
        (clone.state / "known_hosts").write_text("10.1.0.1 ssh-ed25519 AAAA\n")
        (clone.state / "evidence-heads.jsonl").write_text("")


@dataclass
class Exported:
    """A filled clone, its recovery key and its export."""

    clone: Clone
    key: RecoveryKey
    data: bytes

    @property
    def sealed(self) -> Sealed:
        return parse(self.data)


@pytest.fixture(scope="session")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Exported]:
    """Fill a clone and export it."""

    def make(*, handover: bool = False) -> Exported:
        folder = tmp_path_factory.mktemp("exported")
        clone = Clone(folder / "clone", folder / "data")
        clone.path.mkdir()
        place = folder / "handover.yaml"
        if handover:
            place.write_text(f"hosts: {{a: {{host_key_sha256: '{HANDOVER_KEY}'}}}}\n")
        fill(clone, declaration(handover=str(place) if handover else None))
        with clone.inside() as environment:
            assert environment is not None
            key, _ = make_key(NAME)
            made = Exported(clone, key, export(environment))
        place.unlink(missing_ok=True)
        return made

    return make


@pytest.fixture(scope="session")
def exported(exporter: Callable[..., Exported]) -> Exported:
    """A clone with everything, exported once for all tests; they do not change it."""
    return exporter(handover=True)


@pytest.fixture
def fresh(tmp_path: Path) -> Clone:
    """A clone on another machine, set up and never used."""
    clone = Clone(tmp_path / "clone", tmp_path / "data")
    (clone.path / ".dingli" / "pulumi").mkdir(parents=True)
    (clone.path / ".dingli" / "passphrase").write_text("made by make setup\n")
    return clone
