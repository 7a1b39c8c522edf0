"""What goes into a bundle: names of packages and files, and a cache that holds whole files only."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from dingli.bundle import PLATFORMS, BundleError, Order, Platform, build, packages
from dingli.bundle.platforms import names_of
from dingli.environment import load, project_root
from dingli.exceptions import InputError

ROOT = project_root()


def test_controllers_get_what_set_up_installs_and_hosts_what_roles_look_for() -> None:
    controller = names_of(Platform("debian-12", "aarch64"), ["aarch64"], ROOT)
    host = names_of(Platform("debian-12", "x86_64"), ["aarch64"], ROOT)
    assert {"podman", "apt-utils", "python3-venv", "openssh-server", "rsyslog-openssl"} <= set(controller)
    assert set(controller) > set(host)
    assert "podman" not in host
    assert {"etcd-server", "prometheus", "chrony"} <= set(names_of(Platform("debian-13", "x86_64"), ["x86_64"], ROOT))


def test_an_epoch_is_in_no_file_name() -> None:
    assert packages.pool_name("libgmp10_2%3a6.2.1+dfsg1-1.1_arm64.deb") == "libgmp10_6.2.1+dfsg1-1.1_arm64.deb"
    assert packages.pool_name("bash_5.2.15-2+b8_amd64.deb") == "bash_5.2.15-2+b8_amd64.deb"


def test_a_package_that_is_not_what_the_lists_promised_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    half = tmp_path / "a_1_all.deb"
    half.write_bytes(b"half a pack")
    promised = hashlib.sha256(b"half a package").hexdigest()
    with pytest.raises(BundleError, match=r"a_1_all\.deb"):
        packages.keep(half, promised)
    assert not list((tmp_path / "cache").rglob("*.deb"))
    half.write_bytes(b"half a package")
    packages.keep(half, promised)
    (kept,) = (tmp_path / "cache").rglob("*.deb")
    assert kept.read_bytes() == b"half a package"


def test_a_controller_without_packages_for_it_is_refused(tmp_path: Path) -> None:
    order = Order(ROOT, [Platform("debian-13", "x86_64")], ["x86_64"])
    with pytest.raises(InputError, match="debian-12-x86_64"):
        build(order, tmp_path / "bundle.tar", tmp_path / "key", print)
    assert not (tmp_path / "bundle.tar").exists()


def test_an_index_is_the_same_whenever_it_is_written(tmp_path: Path) -> None:
    control = tmp_path / "a" / "DEBIAN" / "control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: a\nVersion: 1\nArchitecture: all\nMaintainer: m <m@invalid>\nDescription: a\n")
    repository = tmp_path / "repository"
    repository.mkdir()
    subprocess.run(["dpkg-deb", "--build", str(tmp_path / "a"), str(repository / "a_1_all.deb")], check=True)
    written = []
    for _ in range(2):
        packages.write_index(repository)
        written.append([(repository / name).read_bytes() for name in ("Packages", "Release")])
    assert written[0] == written[1]
    assert b"Filename: ./a_1_all.deb" in written[0][0]
    assert hashlib.sha256(written[0][0]).hexdigest().encode() in written[0][1]


def test_the_platforms_are_those_of_environment_files() -> None:
    declared = {f"{host.os.value}-{host.arch.value}" for host in load("lab").hosts.values()}
    assert declared <= {str(platform) for platform in PLATFORMS}
