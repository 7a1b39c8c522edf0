"""The script that hosts run: run here, it says of this machine what the system's own calls say."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
import time

import pytest

from dingli.check.facts import COMMAND, Facts, Peer, parse, script
from dingli.ssh import SshError


def _asked(ports: list[int], packages: list[str], peers: list[Peer]) -> Facts:
    text = script(ports, packages, peers)
    done = subprocess.run(["bash", "-s"], input=text, capture_output=True, text=True, timeout=60, check=True)
    return parse("here", done.stdout)


def test_a_machine_says_what_it_is() -> None:
    before = time.time()
    facts = _asked([], ["bash", "no-such-package"], [])

    assert facts.arch == platform.machine()
    assert facts.cores == len(os.sched_getaffinity(0))
    assert facts.memory_mib == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    assert all(mib > 0 for mib in facts.disk_mib.values())
    assert facts.packages == frozenset({"bash"})
    assert before <= facts.began_s <= facts.ended_s <= time.time()


def test_only_wanted_ports_are_told_with_their_program() -> None:
    with socket.create_server(("127.0.0.1", 0)) as wanted, socket.create_server(("127.0.0.1", 0)):
        port = wanted.getsockname()[1]
        facts = _asked([port], [], [])

    assert facts.listeners is not None
    assert [one.port for one in facts.listeners] == [port]
    assert facts.listeners[0].program.startswith(("python", "pytest"))


def test_a_round_trip_is_measured_whether_the_port_is_open_or_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        open_ = _asked([], [], [Peer("peer", "127.0.0.1", port)])
    closed = _asked([], [], [Peer("peer", "127.0.0.1", port)])

    for facts in (open_, closed):
        ms = facts.round_trips["peer"].ms
        assert ms is not None
        assert 0 < ms < 1000


def test_an_address_that_cannot_be_reached_has_no_round_trip() -> None:
    trip = _asked([], [], [Peer("peer", "255.255.255.255", 22)]).round_trips["peer"]

    assert trip.ms is None
    assert trip.trouble


def test_an_answer_that_was_cut_off_is_no_answer() -> None:
    text = script([], [], []).replace('echo "ended=', 'exit 0; echo "')
    done = subprocess.run(["bash", "-s"], input=text, capture_output=True, text=True, check=True)

    with pytest.raises(SshError, match="here"):
        parse("here", done.stdout)


def test_the_command_runs_the_script_whoever_asks() -> None:
    environment = os.environ | {"SSH_CONNECTION": "192.0.2.9 50000 192.0.2.1 22"}
    done = subprocess.run(
        ["sh", "-c", COMMAND], input=script([], [], []), env=environment, capture_output=True, text=True, check=True
    )

    facts = parse("here", done.stdout)
    assert facts.root in (True, False)
    assert facts.asked_from == "192.0.2.9"
