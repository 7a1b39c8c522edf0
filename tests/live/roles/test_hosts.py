"""What roles do to hosts: the same again changes nothing, check mode is true, secrets stay where they belong."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dingli.environment import Environment, state_dir
from dingli.logs.query import Wish, question
from dingli.logs.remote import ask
from tests.live.roles.conftest import Hosts
from tests.live.roles.site_play import Play, apply
from tests.waiting import wait_for

_BUDGET = 25
_SSHD = "/etc/ssh/sshd_config.d/10-dingli.conf"


@pytest.fixture(scope="module")
def again(environment: Environment, native: list[str], applied: Play) -> Play:
    """A second run, right after the first."""
    return apply(environment, native, ["base", "journal"])


def test_a_second_run_changes_nothing(again: Play) -> None:
    assert not again.failures
    assert again.changed_tasks == {}


def test_an_emulated_host_takes_at_most_25_module_executions_and_a_second_run_changes_nothing(
    environment: Environment,
) -> None:
    """Counted from the events of a run of all its roles, as if every task had something to do."""
    emulated = [host.name for host in environment.hosts.values() if host.emulated]
    first = apply(environment, emulated, ["base", "core"])
    assert not first.failures
    for host in emulated:
        print(
            f"{host}: {first.executions[host]} module executions, {first.at_most[host]} at most"
        )  # for the log of the run
        assert 0 < first.at_most[host] <= _BUDGET
    second = apply(environment, emulated, ["base", "core"])
    assert not second.failures
    assert second.changed_tasks == {}


def test_cells_that_share_a_host_do_not_undo_each_others_work(environment: Environment, hosts: Hosts) -> None:
    """One host holds the minimal core of one cell and the main core of another."""
    kinds: dict[str, set[str]] = {}
    for cell in environment.cells.values():
        for core in cell.cores:
            kinds.setdefault(core.host, set()).add(core.kind.value)
    shared = [host for host, found in kinds.items() if len(found) == 2]
    assert shared
    assert not apply(environment, shared, ["core"]).failures
    assert apply(environment, shared, ["core"]).changed_tasks == {}
    for host in shared:
        assert hosts.run(host, "test -x /usr/local/sbin/dingli-core-ctl", check=False).status == 0


def test_check_mode_names_what_a_run_then_does(environment: Environment, hosts: Hosts, again: Play) -> None:
    host = next(host.name for host in environment.hosts_at("ops"))
    damage = (
        f"echo X11Forwarding yes >> {_SSHD}",
        "chmod 600 /etc/login.defs",
        "systemctl stop dingli-log-guard.timer",
        "rm /etc/sysctl.d/60-dingli.conf",
    )
    hosts.run(host, "; ".join(damage))
    predicted = apply(environment, [host], ["base"], check=True)
    assert hosts.run(host, f"tail -n 1 {_SSHD}").stdout == "X11Forwarding yes\n"
    done = apply(environment, [host], ["base"])
    assert predicted.changed_tasks == done.changed_tasks
    assert [change.removeprefix("would ") for change in predicted.changes[host]] == done.changes[host]
    assert f"write {_SSHD}" in done.changes[host]
    assert apply(environment, [host], ["base"], check=True).changed_tasks == {}


def test_a_run_that_was_interrupted_before_the_restart_is_completed_by_the_next(
    environment: Environment, hosts: Hosts, again: Play
) -> None:
    """The file is right and newer than the process that read it: what an interruption leaves behind."""
    host = next(host.name for host in environment.hosts_at("ops"))
    hosts.run(host, "touch /etc/systemd/journald.conf.d/dingli.conf")
    assert apply(environment, [host], ["base"]).changes == {host: ["restart systemd-journald.service"]}


def test_a_program_account_has_no_shell_and_no_password(environment: Environment, hosts: Hosts, again: Play) -> None:
    for host, accounts in {"primary-1": ["dingli-core"], "primary-2": ["dingli-gateway"]}.items():
        for account in accounts:
            assert hosts.run(host, f"getent passwd {account}").stdout.strip().endswith("/usr/sbin/nologin")
            assert hosts.run(host, f"passwd --status {account}").stdout.split()[1] == "L"


def test_private_keys_are_their_programs_alone(
    environment: Environment, hosts: Hosts, native: list[str], again: Play
) -> None:
    for host in native:
        listing = hosts.run(host, "find /etc/dingli -name *.key -o -name *.password | xargs -r stat -c %a").stdout
        assert set(listing.split()) <= {"600"}


@contextmanager
def process_arguments() -> Iterator[set[str]]:
    """Every command line that this machine's processes (the lab's hosts' too) had meanwhile."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True)
            seen.update(listed.stdout.splitlines())
            time.sleep(0.02)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def test_a_password_is_found_nowhere_but_in_its_files(environment: Environment, hosts: Hosts, again: Play) -> None:
    """Delivered anew to a member, with everything watched that a run leaves behind or shows."""
    member = environment.journal.members[0]
    state = state_dir(environment.name)
    secret = (state / "secrets" / "minicore-alpha.password").read_text().strip()
    hosts.run(member, "rm /etc/dingli/secrets/minicore-alpha.password")
    with process_arguments() as arguments:
        play = apply(environment, [member], ["journal"])
    assert any("minicore-alpha.password" in hosts.run(member, "ls /etc/dingli/secrets").stdout for _ in (1,))
    assert len(arguments) > 20
    assert not [line for line in arguments if secret in line]
    assert secret not in play.output
    assert secret not in str(play.changes)
    places = [path for path in (state, state.parent / "pulumi", Path("/dev/shm")) if path.exists()]
    found = subprocess.run(
        ["grep", "-rlF", "--exclude-dir=secrets", secret, *places], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
    file = "/etc/dingli/secrets/minicore-alpha.password"
    search = (
        "grep -rlF -f - /var/log /tmp /home /root /etc /run/log 2>/dev/null; "
        f"journalctl --no-pager -o cat | grep -cF -f {file}"
    )
    places_on_host = hosts.run(member, search, stdin=secret + "\n", check=False).stdout.split()
    assert set(places_on_host) <= {
        "/etc/dingli/secrets/minicore-alpha.password",
        "/etc/dingli/secrets/etcd-core-alpha.password",
        "0",
    }
    assert not found_centrally(environment, hosts, member, secret)


def found_centrally(environment: Environment, hosts: Hosts, host: str, secret: str) -> list[str]:
    """Lines of all hosts with the secret, once everything that a host has logged until now has arrived."""
    marker = f"marker-{time.monotonic_ns()}"
    hosts.run(host, f"logger {marker}")
    wait_for(lambda: _central_lines(environment, marker), 120, f"lines of {host} at the central logs", every_s=0.2)
    return _central_lines(environment, re.escape(secret))


def _central_lines(environment: Environment, pattern: str) -> list[str]:
    asked = question(environment, Wish(grep=pattern, since="1d"), datetime.now(UTC))
    with ask(environment, asked) as answer:
        return [f"{row['host']} {row['identifier']}" for row in answer]
