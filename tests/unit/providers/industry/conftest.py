"""An empty cloud, credentials with a canary in them, and the provider's resource types."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.providers.industry.cloud import Cloud
from infra.providers.industry.settings import Settings
from tests.unit.providers.industry.service import REGION, CloudService
from tests.unit.providers.industry.world import World

SECRET = "canary-of-the-secret-access-key"
ACCESS_KEY = "AKIACANARYOFTHETESTS"


@pytest.fixture(scope="session")
def running_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudService]:
    service = CloudService(tmp_path_factory.mktemp("cloud"))
    service.start()
    yield service
    service.stop()


def aws_environment(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Credentials in the environment and nowhere else."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    patch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    patch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The secret, to look for."""
    aws_environment(monkeypatch, tmp_path)
    return SECRET


@pytest.fixture
def service(running_service: CloudService, credentials: str) -> CloudService:
    running_service.reset()
    return running_service


@pytest.fixture(scope="session")
def settings(running_service: CloudService) -> Settings:
    file = str(running_service.ca_file)
    return Settings("trial", REGION, running_service.endpoint, ca_file=file, max_attempts=3, wait_seconds=30)


@pytest.fixture(scope="session")
def cloud(settings: Settings) -> Cloud:
    """One for all tests: making its clients takes longer than a test."""
    return Cloud(settings)


@pytest.fixture
def world(service: CloudService, cloud: Cloud) -> World:
    return World(service, cloud)
