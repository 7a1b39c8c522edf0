"""Certificates between a controller and a host, both on this machine, with real keys and the real openssl command."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dingli.pki import Authority, CertificateRequest, Places, initialise, open_authority, sign
from tests.unit.roles.playbook import owner, run_module, run_tasks

pytestmark = pytest.mark.slow

DECLARED: dict[str, Any] = {
    "name": "etcd",
    "cn": "etcd",
    "sans": ["10.0.0.1", "node-1"],
    "usages": ["serverAuth", "clientAuth"],
}


class Host:
    """A host's certificate folder, and the environment that it belongs to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.certificates = folder / "host"
        self.places = Places.of("test", folder / "state", folder / "root")
        initialise(self.places)

    @property
    def authority(self) -> Authority:
        return open_authority(self.places)

    def path(self, name: str) -> Path:
        return self.certificates / name

    def run(self, *flags: str, **changes: Any) -> dict[str, Any]:
        arguments = {
            "environment": "test",
            "state": str(self.places.state),
            "folder": str(self.certificates),
            "certificates": [DECLARED | owner() | changes],
        }
        return run_tasks(self.folder, [{"name": "Certificates", "dingli_certificates": arguments}], *flags)[-1]

    def judged(self, **changes: Any) -> str:
        """What the host's half would change, from a run of the module alone in check mode."""
        arguments = {
            "phase": "request",
            "ca": self.authority.ca_pem,
            "folder": str(self.certificates),
            "certificates": [DECLARED | owner() | changes],
        }
        return "; ".join(run_module("dingli_keys", self.folder, arguments, check=True)["changes"])

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in self.certificates.rglob("*")}

    def replace(self, life: timedelta) -> None:
        """Put a certificate of another life in the present one's place, for the same key."""
        request = subprocess.run(
            ["openssl", "req", "-new", "-key", str(self.path("etcd.key")), "-subj", "/CN=x"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        wanted = CertificateRequest.from_plain(DECLARED)
        self.path("etcd.crt").write_text(sign(self.authority, wanted, request, life))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Host:
    host = Host(tmp_path_factory.mktemp("first"))
    assert host.run()["changed"]
    return host


@pytest.fixture
def served(first_run: Host, tmp_path: Path) -> Host:
    """A copy of a host that has its certificates."""
    shutil.copytree(first_run.folder, tmp_path, dirs_exist_ok=True)
    return Host(tmp_path)


def test_the_first_run_makes_a_key_and_a_certificate_that_leads_to_the_root(served: Host) -> None:
    ca, chain = str(served.path("ca.crt")), str(served.path("etcd.crt"))
    verify = ["openssl", "verify", "-x509_strict", "-CAfile", ca, "-untrusted", chain, chain]
    assert subprocess.run(verify, check=False, capture_output=True).returncode == 0
    assert served.path("etcd.key").stat().st_mode & 0o777 == 0o600
    assert not list(served.certificates.glob("*.new"))


def test_a_second_run_changes_nothing(served: Host) -> None:
    before = served.files()
    assert not served.run()["changed"]
    assert served.files() == before


def test_no_private_key_is_in_what_the_controller_keeps(served: Host) -> None:
    secret = served.path("etcd.key").read_text()
    body = "".join(secret.splitlines()[1:-1])
    kept = [path for path in served.places.state.rglob("*") if path.is_file()]
    assert kept
    assert not any(body[:40] in path.read_text(errors="replace") for path in kept)


def test_check_mode_says_what_it_would_make_and_makes_nothing(host: Host) -> None:
    result = host.run("--check")
    assert result["changed"]
    assert any("would renew etcd: etcd.key is missing" in change for change in result["changes"])
    assert not host.certificates.exists()


def test_check_mode_says_that_it_would_renew_without_making_a_key(served: Host) -> None:
    served.replace(timedelta(days=29))
    before = served.files()
    result = served.run("--check")
    assert "would renew etcd: it expires" in " ".join(result["changes"])
    assert served.files() == before


def test_a_certificate_with_more_than_30_days_is_left_alone(served: Host) -> None:
    served.replace(timedelta(days=31))
    assert served.judged() == ""


def test_a_renewed_certificate_serves_again(served: Host) -> None:
    served.replace(timedelta(days=29))
    assert served.run()["changed"]
    assert served.judged() == ""


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sans": ["10.0.0.2"]}, "expected 10.0.0.2"),
        ({"cn": "core-alpha"}, "its name is another"),
        ({"usages": ["clientAuth"]}, "its usages are others"),
    ],
)
def test_another_declaration_asks_for_another_certificate(served: Host, changes: dict[str, Any], why: str) -> None:
    assert why in served.judged(**changes)


def test_a_key_that_is_not_the_certificates_is_noticed(served: Host) -> None:
    subprocess.run(
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", served.path("etcd.key")], check=True
    )
    assert "its key is another" in served.judged()


def test_a_certificate_of_another_authority_is_noticed(served: Host, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Host(tmp_path / "other")
    request = subprocess.run(
        ["openssl", "req", "-new", "-key", served.path("etcd.key"), "-subj", "/CN=x"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    served.path("etcd.crt").write_text(sign(other.authority, CertificateRequest.from_plain(DECLARED), request))
    assert "chain does not lead to the CA" in served.judged()


def test_without_an_authority_the_run_fails_and_names_the_command(tmp_path: Path) -> None:
    arguments = {
        "environment": "test",
        "state": str(tmp_path / "none"),
        "folder": str(tmp_path),
        "certificates": [DECLARED],
    }
    result = run_tasks(tmp_path, [{"dingli_certificates": arguments}])[-1]
    assert "dingli pki init test" in result["msg"]
