"""An S3 service on loopback, and clones of a small project whose state is in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.live.s3 import S3Service, running_s3

ROOT = Path(__file__).resolve().parents[3]
BUCKET = "dingli-state"
ENVIRONMENT = "base"
SITE = "one"

_PROGRAM = """
import pulumi

class Shelf(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("trial:index:Shelf", name)
        self.register_outputs({})

Shelf("first")
pulumi.export("place", "shelf 7")
pulumi.export("word", pulumi.Output.secret("open sesame"))
"""


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Credentials in the environment and nowhere else; the secret is given back, to look for."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    secret = "canary-of-the-secret-access-key"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    return secret


@pytest.fixture
def s3(credentials: str, tmp_path: Path) -> Iterator[S3Service]:
    """A service with an empty bucket."""
    with running_s3(tmp_path / "s3.log") as service:
        service.client().create_bucket(Bucket=BUCKET)
        yield service


class SmallClone:
    """A folder that the engine takes for a clone: one small program, an environment whose state is in the bucket."""

    def __init__(self, path: Path, backend: str, passphrase: str) -> None:
        self.path = path
        (path / "infra").mkdir(parents=True)
        (path / "infra" / "__main__.py").write_text(_PROGRAM)
        project = {
            "name": "dingli",
            "main": "infra",
            "runtime": {"name": "python", "options": {"virtualenv": ".venv"}},
            "stackConfigDir": "stacks",
        }
        (path / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        (path / ".venv").symlink_to(Path(sys.prefix))
        state = path / ".dingli"
        state.mkdir()
        for name in ("bin", "pulumi-home"):
            (state / name).symlink_to(ROOT / ".dingli" / name)
        (state / "passphrase").write_text(passphrase)
        text = (ROOT / "tests" / "unit" / "environment" / "base.yaml").read_text()
        kept = [line for line in text.splitlines() if not line.startswith("state:")]
        file = path / "stacks" / "environments" / f"{ENVIRONMENT}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text("\n".join(kept) + "\n" + yaml.safe_dump({"state": {"backend": backend}}))
