"""`dingli status --watch` on a terminal: it ends quietly and gives the terminal back."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.status import observed

pytestmark = pytest.mark.slow

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
HIDE, SHOW = b"\x1b[?25l", b"\x1b[?25h"


@pytest.fixture
def nobody_answers(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A clone's environment variables, whose hosts refuse at once."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]  # taken as long as the test lasts, by somebody who does not listen
        observed.behind_port(tmp_path / "stacks" / "environments" / "lab.yaml", port)
        yield {**os.environ, "DINGLI_ROOT": str(tmp_path), "TERM": "xterm"}


COMMAND = [sys.executable, "-c", "from dingli.cli.main import run; run()", "status", "lab", "--watch", "0.5"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_watch_gives_the_terminal_back(nobody_answers: dict[str, str], number: signal.Signals) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(COMMAND, stdin=theirs, stdout=theirs, stderr=theirs, env=nobody_answers) as watch:
        os.close(theirs)
        shown = b""
        deadline = time.monotonic() + 60
        while b"DEGRADED" not in shown:
            assert time.monotonic() < deadline, shown
            shown += os.read(ours, 65536)
        watch.send_signal(number)
        try:
            while more := os.read(ours, 65536):
                shown += more
        except OSError:  # the other side of the terminal is closed
            pass
        assert watch.wait(30) == 1
    os.close(ours)
    assert shown.startswith(ENTER) or ENTER in shown
    assert shown.rindex(LEAVE) > shown.rindex(ENTER)
    assert shown.rindex(SHOW) > shown.rindex(HIDE)
    assert b"Traceback" not in shown


def test_without_a_terminal_each_look_is_a_line_of_json(nobody_answers: dict[str, str]) -> None:
    with subprocess.Popen([*COMMAND, "--json"], stdout=subprocess.PIPE, text=True, env=nobody_answers) as watch:
        assert watch.stdout is not None
        looks = [json.loads(watch.stdout.readline()) for _ in range(2)]
        watch.send_signal(signal.SIGINT)
        assert watch.wait(30) == 1
    assert [look["ok"] for look in looks] == [False, False]
    assert looks[0]["at"] < looks[1]["at"]


@pytest.mark.parametrize("words", [["5"], ["--watch", "--order"], ["--watch", "0.1"]])
def test_what_cannot_be_meant_is_wrong_input(words: list[str], nobody_answers: dict[str, str]) -> None:
    assert subprocess.run([*COMMAND[:5], *words], env=nobody_answers, capture_output=True).returncode == 2
