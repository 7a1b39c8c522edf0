"""A bundle sets up a controller on a machine without any network, and gives hosts their packages.

The machine is a root directory of its own, a minimal Debian 12 and openssh-client, in a network namespace that has not
even a loopback that is up. Needs no lab; builds a bundle of this commit, for x86_64.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dingli.bundle import Built, Order, Platform, build, verify
from dingli.bundle.layout import PACKAGES, SIGNER, TOP, WHEELS
from dingli.bundle.push import MARK, install_on
from dingli.environment import project_root
from dingli.evidence import signing
from dingli.setup.cache import entry, key_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

INTO = "/opt/dingli-controller"
_BASE = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--include=openssh-client"]
_BASE += ["--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*", "bookworm"]


class Machine:
    """Runs shell scripts as root in the directory, without a network."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def shell(self, script: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        # PIP_NO_COMPILE saves half a minute; it changes nothing about what is installed.
        plain = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "PIP_NO_COMPILE": "1"}
        inside = ["chroot", str(self.root), "/bin/sh", "-c", script]
        alone = ["unshare", "--net", "--mount", "--pid", "--fork", f"--mount-proc={self.root}/proc", *inside]
        return subprocess.run(alone, env=plain, input=data, capture_output=True, timeout=1700)

    def says(self, script: str, data: bytes = b"") -> str:
        """Its output; the test fails with everything it said unless it succeeds."""
        done = self.shell(script, data)
        assert done.returncode == 0, (done.stdout[-3000:] + done.stderr[-3000:]).decode()
        return done.stdout.decode()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Built]:
    folder = tmp_path_factory.mktemp("bundle")
    key = signing.ensure_key(folder / "key", "test")
    yield build(Order(project_root(), [Platform("debian-12", "x86_64")]), folder / "bundle.tar", key, print)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, built: Built) -> Iterator[Machine]:
    """With the bundle unpacked in /srv."""
    made = entry("test-machine", key_of(*_BASE), lambda folder: _command([*_BASE, str(folder / "root.tar")]))
    root = tmp_path_factory.mktemp("machine")
    _command(["tar", "-C", str(root), "-xf", str(made / "root.tar")])
    _command(["tar", "-C", str(root / "srv"), "-xf", str(built.path)])
    yield Machine(root)
    shutil.rmtree(root)


def _command(words: list[str]) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def _install(machine: Machine, key: str) -> subprocess.CompletedProcess[bytes]:
    return machine.shell(f"cd /srv/{TOP} && ./install --key {shlex.quote(key)} --into ../..{INTO}")


def _wheel(folder: Path) -> Path:
    return min((folder / WHEELS).iterdir())


def _change(folder: Path) -> None:
    file = _wheel(folder)
    file.write_bytes(file.read_bytes()[:-1] + b"x")


def _link(folder: Path) -> None:
    file = _wheel(folder).rename(folder.parent / "elsewhere.whl")
    _wheel(folder).with_name(file.name).symlink_to(file)


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (_change, "files are not as they were signed"),
    (lambda folder: _wheel(folder).unlink(), "files missing"),
    (lambda folder: (folder / "source" / "sitecustomize.py").write_text("import os\n"), "added"),
    (_link, "no plain files"),
    (lambda folder: (folder / SIGNER).write_text("ssh-ed25519 AAAA\n"), "was signed by"),
]


@pytest.mark.parametrize(("tamper", "words"), REFUSED)
def test_a_bundle_that_was_changed_installs_nothing(
    machine: Machine, built: Built, tamper: Callable[[Path], object], words: str
) -> None:
    """Before the machine has anything: the last test of this file installs."""
    folder = machine.root / "srv" / TOP
    kept = folder.with_name("kept")
    _command(["cp", "-al", str(folder), str(kept)])  # hard links: what is changed below is written anew
    try:
        for file in (_wheel(folder), folder / SIGNER):
            content = file.read_bytes()
            file.unlink()
            file.write_bytes(content)
        tamper(folder)
        done = _install(machine, built.signer)
        assert (done.returncode, words in done.stderr.decode()) == (1, True), done.stderr.decode()
        assert not machine.root.joinpath(INTO.lstrip("/")).exists()
        assert not (machine.root / "usr" / "bin" / "python3").exists()
    finally:
        shutil.rmtree(folder)
        kept.rename(folder)
        folder.with_name("elsewhere.whl").unlink(missing_ok=True)


def test_a_machine_without_any_network_becomes_a_controller(machine: Machine, built: Built) -> None:
    assert verify(built.path, built.signer).findings == ()
    assert machine.says("cat /proc/net/route").splitlines()[1:] == []  # no route at all
    done = _install(machine, built.signer)
    assert done.returncode == 0, (done.stdout[-3000:] + done.stderr[-3000:]).decode()
    first = f"cd {INTO} && . .dingli/env && "
    assert machine.says(first + "dingli --version").startswith("dingli ")
    assert "alpha" in machine.says(first + "dingli env show lab")
    assert machine.says(first + "pulumi version").startswith("v3.")
    made = "from dingli.artifacts import build_all; from pathlib import Path; print(len(build_all(Path('/tmp/state'))))"
    assert machine.says(first + f'python -c "{made}"') == "4\n"  # programs for hosts, from the bundle's wheels
    assert "as locked already" in machine.says(first + "python3.11 -m dingli.setup setup")  # again, without the bundle
    assert not list((machine.root / "etc" / "apt").rglob("*dingli*"))


def test_a_host_gets_what_it_lacks_and_starts_nothing(machine: Machine) -> None:
    repository = machine.root / "srv" / TOP / PACKAGES / "debian-12"
    names, units = ["chrony", "systemd", "bash"], ["chrony.service", "etcd.service"]
    assert install_on(machine.says, repository, names, units) >= 1
    assert "ok installed" in machine.says("dpkg-query -W -f '${Status}' chrony")
    assert not list((machine.root / "etc" / "systemd" / "system").rglob("chrony.service"))
    policy = machine.root / "usr" / "sbin" / "policy-rc.d"
    policy.write_text(f"#!/bin/sh\n# {MARK}\nexit 101\n")  # as a push leaves it whose host lost power
    assert install_on(machine.says, repository, names, units) == 0
    assert not list((machine.root / "var" / "tmp").iterdir())
    assert not policy.exists()
