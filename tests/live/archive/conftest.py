"""An S3 service over TLS on loopback, whose certificate only the archive's own CA vouches for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dingli.environment import Archive
from tests.live.core.conftest import in_a_cell
from tests.live.gateway.certificates import Authority
from tests.live.s3 import running_s3

__all__ = ["in_a_cell"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    """What an environment would declare; the service runs meanwhile."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-secret-access-key")
    folder = tmp_path / "s3"
    folder.mkdir()
    files = Authority(folder).issue("s3")
    with running_s3(folder / "log", ["-s", "-c", files["cert"], "-k", files["key"]]) as service:
        yield Archive(
            bucket="dingli-archive",
            retention_days=1,
            endpoint=f"https://localhost:{service.port}",
            ca=files["ca"],
            segment_entries=100,
            trim_after_hours=1,
        )
