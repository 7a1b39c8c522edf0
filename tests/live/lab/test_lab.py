"""The lab keeps its word: isolation, power-offs that end, repair of remains, one owner."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.live.lab.box import Box, wait_until

# When a host's first process began. The time of /proc/1 is no such thing: the kernel may forget and make it anew.
BOOTED = "cut -d' ' -f22 /proc/1/stat"


def power_is_back(box: Box, host: str) -> bool:
    return box.hosts()[host]["state"] == "running" and box.on_host(host, "true").returncode == 0


def test_a_second_up_touches_no_host(box: Box) -> None:
    boots = {host: box.on_host(host, BOOTED).stdout for host in ("primary-1", "ops-1")}
    assert all(boots.values())
    done = box.dingli("lab", "up")
    assert done.returncode == 0, done.stderr
    assert "hosts:" not in done.stderr
    assert {host: box.on_host(host, BOOTED).stdout for host in boots} == boots
    assert {host["state"] for host in box.hosts().values()} == {"running"}


@pytest.mark.parametrize("setting", ["kernel/panic", "vm/swappiness", "fs/file-max"])
def test_a_host_cannot_change_the_machines_kernel(box: Box, setting: str) -> None:
    done = box.on_host("primary-1", f"cat /proc/sys/{setting} > /proc/sys/{setting}")
    assert done.returncode != 0
    assert "Read-only file system" in done.stderr


def test_a_host_cannot_set_the_machines_clock(box: Box) -> None:
    done = box.on_host("primary-1", 'date -s "$(date +%T)"')
    assert done.returncode != 0
    assert "Operation not permitted" in done.stderr


def test_a_host_sees_no_disk_of_the_machine(box: Box) -> None:
    assert box.on_host("primary-1", "find /dev -type b").stdout == ""


def test_hosts_of_all_sites_reach_each_other(box: Box) -> None:
    addresses = " ".join(host["address"] for host in box.hosts().values())
    done = box.on_host("ops-1", f"for a in {addresses}; do ping -c1 -W20 -q $a >/dev/null || echo $a; done")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("address", ["192.0.2.2", "198.19.0.1"])
def test_a_host_reaches_nothing_outside_the_supernet(box: Box, address: str) -> None:
    box.run("ip", "address", "replace", f"{address}/32", "dev", "lo")  # it exists, one step from the lab's router
    assert box.on_host("ops-1", f"ping -c1 -W1 -q {address}").returncode != 0


def test_a_host_cannot_open_a_connection_to_the_machine(box: Box) -> None:
    done = box.on_host("ops-1", "curl --silent --max-time 1 telnet://198.18.255.253:22; echo $?")
    assert done.stdout.strip() == "28"  # no answer at all, not even a refusal


def test_power_returns_by_itself_when_its_caller_is_killed(box: Box) -> None:
    # Long enough for a busy machine to ask for the state meanwhile.
    caller = box.start_dingli("lab", "power", "standby-1", "off", "--for", "15s")
    wait_until(lambda: box.hosts()["standby-1"]["state"] == "off", "standby-1 loses its power")
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    wait_until(lambda: power_is_back(box, "standby-1"), "the power of standby-1 returns")


def test_a_killed_controller_keeps_its_word_when_it_is_back(box: Box) -> None:
    # Long enough for a busy machine to bring the lab up meanwhile.
    assert box.dingli("lab", "power", "standby-1", "off", "--for", "40s").returncode == 0
    box.run("sh", "-c", "kill -9 $(cat /run/dingli-lab/powerd.pid)")
    box.up()
    assert box.hosts()["standby-1"]["state"] == "off"
    wait_until(lambda: power_is_back(box, "standby-1"), "the power of standby-1 returns")


def test_a_host_keeps_disk_identity_and_host_key_over_a_power_cut(box: Box) -> None:
    shown = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /root/note"
    before = box.on_host("standby-1", f"echo kept > /root/note; {shown}").stdout
    box.dingli("lab", "power", "standby-1", "off", "--for", "60s")
    assert "has power" in box.dingli("lab", "power", "standby-1", "on").stdout
    wait_until(lambda: power_is_back(box, "standby-1"), "standby-1 answers again")
    assert box.on_host("standby-1", shown).stdout == before
    assert "kept" in before


LISTENER = """python3 -u -c '
import socket
peer = socket.create_connection(("198.18.2.11", 22))
peer.recv(64)
print("open")
input()  # until the power is off
peer.settimeout(3)
try:
    print("heard", peer.recv(64))
except TimeoutError:
    print("silence")
'"""


def test_a_host_without_power_is_silent(box: Box) -> None:
    """A peer's open connection hears neither a farewell nor a refusal."""
    with box.start_on_host("ops-1", LISTENER) as listener:
        assert listener.stdin is not None
        assert listener.stdout is not None
        assert listener.stdout.readline() == "open\n"
        assert box.dingli("lab", "power", "standby-1", "off", "--for", "120s").returncode == 0
        listener.stdin.write("\n")
        listener.stdin.flush()
        assert listener.stdout.readline() == "silence\n"
    assert box.dingli("lab", "power", "standby-1", "on").returncode == 0


@pytest.mark.parametrize("remains", ["monitor", "everything", "namespace", "router", "run"])
def test_what_a_killed_lab_left_is_repaired(box: Box, remains: str) -> None:
    box.on_host("primary-1", "echo kept > /root/note")
    kill_all = "for m in $(pgrep -x conmon); do kill -9 $(cat /proc/$m/task/$m/children) $m; done;"
    done = {
        "monitor": "kill -9 $(pgrep -x -o conmon)",
        "everything": f"{kill_all} kill -9 $(cat /run/dingli-lab/powerd.pid)",
        "namespace": "umount -l /run/dingli-lab/pinned/mnt",
        "router": "ip netns delete dingli-router",
        "run": f"{kill_all} umount -l /run/dingli-lab/pinned/mnt /run/dingli-lab/pinned; rm -rf /run/dingli-lab",
    }[remains]
    box.run("bash", "-c", done)
    box.up()
    assert {host["state"] for host in box.hosts().values()} == {"running"}
    assert box.on_host("primary-1", "cat /root/note").stdout == "kept\n"


def second_clone(box: Box, tmp_path: Path) -> str:
    shutil.copytree(box.clone, tmp_path, dirs_exist_ok=True)
    return str(tmp_path)


def test_a_second_clone_is_refused_and_told_whose_lab_it_is(box: Box, tmp_path: Path) -> None:
    clone = second_clone(box, tmp_path)
    for command in (["up"], ["down"], ["power", "standby-1", "off", "--for", "2s"]):
        done = box.dingli("lab", *command, DINGLI_ROOT=clone)
        assert done.returncode == 1
        assert str(box.clone) in done.stderr
        assert "dingli lab reset" in done.stderr
    assert {host["state"] for host in box.hosts().values()} == {"running"}


def test_an_unattended_clone_does_not_take_a_lab_whose_owner_works(box: Box, tmp_path: Path) -> None:
    clone = second_clone(box, tmp_path)
    with subprocess.Popen(box.command("cat"), stdin=subprocess.PIPE) as worker:  # works in the owner's clone
        for command in (["reset", "--yes"], ["up"]):
            done = box.dingli("lab", *command, DINGLI_ROOT=clone, CI="true")
            assert done.returncode == 1
            assert str(box.clone) in done.stderr
        worker.kill()
    assert {host["state"] for host in box.hosts().values()} == {"running"}


def test_down_leaves_an_unreachable_route_and_nothing_else(box: Box) -> None:
    before = box.on_host("primary-1", "cat /etc/machine-id; echo lost > /root/note").stdout
    assert box.dingli("lab", "down").returncode == 0
    assert "unreachable" in box.run("ip", "route", "get", "198.18.1.11").stderr + box.run("ip", "route").stdout
    assert "dingli" not in box.run("ip", "netns").stdout
    assert box.run("pgrep", "-x", "conmon").stdout == ""
    assert not box.run("sh", "-c", "ls -d /run/dingli-lab").stdout
    box.up()
    after = box.on_host("primary-1", "cat /etc/machine-id; cat /root/note").stdout
    assert after == before, "the same machine with a new disk"


def test_an_unattended_clone_takes_an_abandoned_lab_over_with_other_machines(box: Box, tmp_path: Path) -> None:
    before = box.on_host("primary-1", "cat /etc/machine-id").stdout
    clone = second_clone(box, tmp_path)
    done = box.dingli("lab", "up", DINGLI_ROOT=clone, CI="true", timeout_s=480)
    assert done.returncode == 0, done.stderr
    assert "abandoned" in done.stderr
    assert box.on_host("primary-1", "cat /etc/machine-id").stdout not in ("", before)


def test_reset_on_request_leaves_nothing(bare_box: Box) -> None:
    assert bare_box.dingli("lab", "reset", "--yes").returncode == 0
    assert bare_box.run("ls", "-A", "/var/lib/dingli-lab").stdout == ""
    assert bare_box.hosts() == {}
