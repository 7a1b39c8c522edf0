"""What `up` and `preview` say and do, on machines."""

from __future__ import annotations

import shutil
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live.stacks.clone import ENVIRONMENT, FOLDER, Clone, power
from tests.waiting import wait_for


def test_a_second_up_changes_nothing(dr: Clone) -> None:
    outcome = dr.up("dr")

    assert set(outcome["changes"]) == {"same"}


def test_a_changed_role_is_previewed_by_host_and_task_and_then_applied(dr: Clone) -> None:
    dr.set_role("2")
    seen = dr.preview("dr")
    dr.up("dr")

    assert "base: dr-1: would change: marker : Write the first file" in seen["messages"]
    assert dr.on("dr-1", f"cat {FOLDER}/first {FOLDER}/second") == "22"


def test_a_file_edited_by_hand_is_named_by_a_refreshing_preview_alone_and_repaired(dr: Clone) -> None:
    dr.on("dr-1", f"echo edited > {FOLDER}/second")
    plain, refreshing = dr.preview("dr"), dr.preview("dr", "--refresh")
    dr.up("dr", "--refresh")

    assert set(plain["changes"]) == {"same"}
    assert "base: dr-1: would change: marker : Write the second file" in refreshing["messages"]
    assert not [line for line in refreshing["messages"] if "first file" in line]
    assert dr.on("dr-1", f"cat {FOLDER}/second") == "1"


def test_a_wrong_architecture_is_refused_before_anything_is_touched(clone: Clone) -> None:
    clone.on("ops-1", "touch /run/rehearsal-mark")
    clone.declare({"ops-1": {"arch": "aarch64"}})
    outcome = clone.up("ops", check=False)
    changed = clone.on("ops-1", "find /etc /root /home -newer /run/rehearsal-mark; rm /run/rehearsal-mark")

    assert not outcome["ok"]
    assert "architecture x86_64, declared aarch64" in outcome["errors"][0]
    assert changed == ""


def test_another_machine_is_noticed_refused_and_taken_once_accepted(dr: Clone) -> None:
    other = "/run/other-machine"
    make = f"systemd-id128 new > {other}; chmod 644 {other}; mount --bind {other} /etc/machine-id"
    dr.on("dr-1", make)
    try:
        refused = dr.preview("dr", "--refresh", check=False)
        unasked = dr.up("dr", "--refresh", check=False)
        found = refused["errors"][0].split("accept_replacement: ")[1].split("`")[0]
        dr.declare({"dr-1": {"accept_replacement": found}})
        accepted = dr.up("dr", "--refresh")
    finally:
        dr.on("dr-1", f"umount /etc/machine-id; rm -f {other}")
        dr.up("dr", "--refresh")  # the same fingerprint: the first machine is taken back

    assert "another machine answers at 198.18.3.11: machine-id" in refused["errors"][0]
    assert not unasked["ok"]
    assert accepted["ok"]


def test_a_dead_host_does_not_stop_the_others(clone: Clone) -> None:
    clone.declare({})
    clone.set_role("1")
    clone.up("primary", "--refresh")
    clone.set_role("2")
    power("primary-2", "off", "--for", "300s")
    try:
        outcome = clone.up("primary", check=False)
    finally:
        power("primary-2", "on")
    wait_for(lambda: clone.answers("primary-2"), 120, "primary-2 lets us in again", every_s=0.1)
    again = clone.up("primary")

    assert not outcome["ok"]
    assert any("primary-2" in line for line in outcome["errors"])
    assert clone.on("primary-1", f"cat {FOLDER}/second") == "2"
    assert "base: primary-1: no change" not in again["messages"], "the host that was done is not run again"
    assert clone.on("primary-2", f"cat {FOLDER}/second") == "2"


def test_what_is_imported_needs_no_change(dr: Clone) -> None:
    stack = f"{ENVIRONMENT}-dr"
    dr.run("pulumi", "stack", "rm", stack, "--force", "--yes", "--preserve-config")
    dr.run("pulumi", "stack", "select", "--create", stack)
    dr.run("pulumi", "up", "-s", stack, "--yes", "--skip-preview", "--non-interactive", "-c", "dingli:import=true")
    dr.run("pulumi", "config", "rm", "dingli:import", "-s", stack)

    assert set(dr.preview("dr", "--refresh")["changes"]) == {"same"}


@pytest.mark.parametrize("kept", [True, False], ids=["rolled back", "nothing to go back to"])
def test_a_failed_update_that_is_taken_back_is_repaired(dr: Clone, kept: bool) -> None:
    tasks = dr.path / "roles" / "marker" / "tasks" / "main.yml"
    good = tasks.read_text()
    # A version that no other test has applied: what it leaves behind would spare the failure.
    dr.set_role(f"failing {kept}".replace(" ", "-"))
    tasks.write_text(good.replace("sh -c 'sleep {{ marker_sleep_s }}; touch", "sh -c 'false || exit 3; touch"))
    if not kept:
        shutil.rmtree(dr.path / ".dingli" / ENVIRONMENT / "deployed")
    try:
        failed = dr.up("dr", check=False)
    finally:
        tasks.write_text(good)
    left = dr.on("dr-1", f"cat {FOLDER}/first")
    dr.set_role("1")
    repaired = dr.up("dr")

    assert "dr-1: canary failed: marker : Take a while" in failed["errors"][0]
    assert left == ("1" if kept else "failing-False")
    # The engine updates what failed in any case: what counts is whether anything was done on the host.
    assert any("tasks changed" in line for line in repaired["messages"]) is not kept
    assert dr.on("dr-1", f"cat {FOLDER}/first") == "1"


@pytest.fixture
def canary(dr: Clone) -> Path:
    """A file with a secret that the role delivers."""
    file = dr.path / ".dingli" / ENVIRONMENT / "secrets" / "canary"
    file.write_text("canary-of-a-role")
    return file


def test_secrets_are_found_nowhere(dr: Clone, canary: Path) -> None:
    wanted = (dr.passphrase.encode(), canary.read_bytes())
    dr.set_role("secret", sleep_s=3, secret=str(canary))
    seen: list[str] = []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.2):
            for number in dr.processes():
                for file in (Path(f"/proc/{number}/cmdline"), Path(f"/proc/{number}/environ")):
                    seen.extend(_holding(file, wanted))
            with suppress(FileNotFoundError):  # a run's folder may vanish while it is looked through
                for folder in Path("/dev/shm").glob("dingli-run-*/[!t]*"):  # tmp/ holds what Ansible is copying
                    seen.extend(found for file in folder.rglob("*") for found in _holding(file, wanted))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        dr.up("dr")
    finally:
        done.set()
        watcher.join()
    kept = {canary, dr.path / ".dingli" / "passphrase"}
    left = [file for file in (dr.path / ".dingli").rglob("*") if file.is_file() and file not in kept]

    assert dr.on("dr-1", f"cat {FOLDER}/secret") == "canary-of-a-role"
    assert seen == []
    assert [found for file in left for found in _holding(file, wanted)] == []
    assert dr.folders_in_memory() == []


def _holding(file: Path, wanted: tuple[bytes, ...]) -> list[str]:
    try:
        content = file.read_bytes()
    except OSError:
        return []
    return [f"{file}: {secret!r}" for secret in wanted if secret in content]
