"""What a machine of the cloud finds on its new disk."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cloud.backend import Guest
from lab.cloud.first_boot import FirstBoot, prepare
from tests.unit.lab.small_lab import ONE

GUEST = Guest(ONE, "ip-198-18-1-11", "ssh-ed25519 AAAA operator", "#!/bin/sh\necho hello\n")
SCRIPT = "var/lib/cloud/instance/scripts/user-data"


def read(boot: FirstBoot, name: str) -> str:
    with tarfile.open(fileobj=io.BytesIO(boot.files)) as tar:
        found = tar.extractfile(name)
        assert found is not None
        return found.read().decode()


def test_the_key_of_the_launch_is_there_and_no_key_of_the_lab() -> None:
    boot = prepare(GUEST)
    with tarfile.open(fileobj=io.BytesIO(boot.files)) as tar:
        names = tar.getnames()

    assert read(boot, "var/lib/cloud/instance/public-keys") == "ssh-ed25519 AAAA operator\n"
    assert [name for name in names if name.startswith("root/")] == []


def test_the_console_tells_the_host_key_by_which_one_knows_the_machine(tmp_path: Path) -> None:
    boot = prepare(GUEST)
    public = tmp_path / "key.pub"
    public.write_text(read(boot, "etc/ssh/ssh_host_ed25519_key.pub"))
    shown = subprocess.run(["ssh-keygen", "-l", "-f", str(public)], capture_output=True, text=True, check=True).stdout

    assert shown.split()[1] in boot.console


def test_two_machines_have_two_host_keys() -> None:
    assert prepare(GUEST).console != prepare(GUEST).console


@pytest.mark.parametrize(
    ("user_data", "words"), [("#!/bin/sh\necho hello\n", "echo hello"), ("#cloud-config\n", "was not run"), ("", "")]
)
def test_user_data_is_run_if_it_is_a_script_and_otherwise_told_that_it_is_not(user_data: str, words: str) -> None:
    script = read(prepare(replace(GUEST, user_data=user_data)), SCRIPT)

    assert script.startswith("#!")
    assert words in script
    assert "cloud-config" not in script
