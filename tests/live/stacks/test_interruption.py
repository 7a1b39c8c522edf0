"""Whatever ends an `up` in the middle, the host is left alone at once and the next `up` converges."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.live.stacks.clone import FOLDER, Clone
from tests.waiting import wait_for

_SLEEP_S = 15


def _one_sigint(clone: Clone, up: subprocess.Popen[bytes]) -> None:
    up.send_signal(signal.SIGINT)


def _two_sigints(clone: Clone, up: subprocess.Popen[bytes]) -> None:
    up.send_signal(signal.SIGINT)
    up.send_signal(signal.SIGINT)


def _sigkill_of_pulumi(clone: Clone, up: subprocess.Popen[bytes]) -> None:
    up.kill()


def _sigkill_of_the_provider(clone: Clone, up: subprocess.Popen[bytes]) -> None:
    clone.kill("infra.providers.deployment ")


@pytest.mark.parametrize("interrupt", [_one_sigint, _two_sigints, _sigkill_of_pulumi, _sigkill_of_the_provider])
def test_an_interrupted_up_stops_at_once_and_the_next_converges(
    dr: Clone, interrupt: Callable[[Clone, subprocess.Popen[bytes]], None]
) -> None:
    version = interrupt.__name__
    dr.on("dr-1", f"rm -f {FOLDER}/slept-{version}")
    dr.set_role(version, sleep_s=_SLEEP_S)
    running = dr.start_up("dr")
    wait_for(lambda: dr.on("dr-1", f"cat {FOLDER}/first") == version, 120, "the role is in the middle", every_s=0.1)

    interrupt(dr, running)
    wait_for(lambda: running.poll() is not None, 60, "the engine ends", every_s=0.1)
    wait_for(lambda: not dr.processes(), 60, "nothing of the run is left here", every_s=0.1)
    dr.set_role("1")
    outcome = dr.up("dr")

    assert outcome["ok"]
    assert dr.on("dr-1", f"cat {FOLDER}/first {FOLDER}/second") == "11"
    assert set(dr.up("dr")["changes"]) == {"same"}
    assert dr.folders_in_memory() == []


def test_a_second_run_waits_and_names_the_first(dr: Clone) -> None:
    version = "held"
    dr.on("dr-1", f"rm -f {FOLDER}/slept-{version}")
    dr.set_role(version)
    connection = dr._connect("dr-1")
    channel = connection.transport.open_session()
    hold = 'exec 9>>$HOME/.deployment.lock; flock 9; echo "a colleague" > $HOME/.deployment.holder; echo held; cat'
    channel.exec_command(hold)
    channel.recv(4)

    running = dr.start_up("dr")
    output = dr.path / "background"
    wait_for(lambda: "waiting for a colleague" in output.read_text(), 120, "the holder is named", every_s=0.1)
    connection.close()

    assert running.wait(180) == 0
    assert dr.on("dr-1", f"cat {FOLDER}/second") == version
