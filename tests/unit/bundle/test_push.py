"""Which packages a host is brought, and what is sent to it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from dingli.bundle import BundleError
from dingli.bundle.push import install_on, names_for, units_of
from dingli.check.requirements import requirements
from dingli.environment import load


@pytest.mark.parametrize("host", load("lab").hosts)
def test_a_host_gets_what_check_asks_for_and_no_services_of_others(host: str) -> None:
    lab = load("lab")
    names = set(names_for(lab, host))
    assert set(requirements(lab, host).packages) | {"rsyslog-openssl"} <= names
    assert ("etcd-server" in names) == (host in lab.journal.members)
    assert ("prometheus" in names) == (not lab.site_of(host).trading)


def test_what_roles_enable_is_disabled_after_it_came() -> None:
    assert units_of("debian-13") == [
        "etcd.service",
        "prometheus-alertmanager.service",
        "prometheus-node-exporter.service",
        "prometheus.service",
        "strongswan.service",
    ]


def test_only_the_files_that_the_host_names_are_sent(tmp_path: Path) -> None:
    for name in ("Packages", "Release", "a_1_all.deb", "b_1~2_all.deb"):
        (tmp_path / name).write_bytes(name.encode())
    sent: list[list[str]] = []

    def host(script: str, data: bytes) -> str:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            sent.append(archive.getnames())
        assert script.startswith("names='a b' units=c.service\n")
        return "'copy:/var/tmp/dingli-packages/./b_1%7e2_all.deb' b_1~2_all.deb 11 SHA256:00\n"

    assert install_on(host, tmp_path, ["a", "b"], ["c.service"]) == 1
    assert sent == [["Packages", "Release"], ["b_1~2_all.deb"]]


def test_a_bundle_without_the_hosts_release_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="debian-13"):
        install_on(lambda script, data: "", tmp_path / "debian-13", ["a"], [])


def test_a_host_that_asks_for_other_files_gets_nothing(tmp_path: Path) -> None:
    for name in ("Packages", "Release"):
        (tmp_path / name).write_text("")
    asked: list[str] = []

    def host(script: str, data: bytes) -> str:
        asked.append(script)
        return "'copy:/x/..%2f..%2fsigning_key.deb' a.deb 11 \n"

    with pytest.raises(BundleError, match="signing_key"):
        install_on(host, tmp_path, ["a"], [])
    assert len(asked) == 1
