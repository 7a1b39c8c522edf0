"""The power of an instance of the cloud: cut through its API, and given back by an ops host if nobody else does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dingli.cell import remote, wait_until
from dingli.environment import Environment
from dingli.power import power_off, power_on, power_status
from dingli.ssh import SshError
from tests.live.drills.conftest import run
from tests.waiting import wait_for

INSTANCE, KEEPER = "dr-1", "ops-1"
PROMISES = "ls /var/lib/dingli-power /etc/systemd/system"


@pytest.fixture
def with_power(lab: Environment) -> Iterator[None]:
    yield
    power_on(lab, INSTANCE)
    back(lab)


def back(lab: Environment) -> None:
    for cell in lab.cells:
        wait_until(lab, cell, lambda now: None if f"{INSTANCE}/main" in now.cores else "not there", timeout_s=90)


def promised(lab: Environment) -> list[str]:
    found = remote.run(lab, KEEPER, PROMISES, check=False).stdout.split()
    return [name for name in found if INSTANCE in name]


def test_it_returns_by_itself_and_nothing_of_the_promise_is_left(lab: Environment, with_power: None) -> None:
    power_off(lab, INSTANCE, 12)

    assert power_status(lab, INSTANCE).endswith(" is stopped")
    assert promised(lab)
    with pytest.raises(SshError):
        remote.run(lab, INSTANCE, "true")
    wait_for(lambda: power_status(lab, INSTANCE).endswith(" is running"), 120, "its power returns", every_s=0.1)
    back(lab)
    wait_for(lambda: not promised(lab), 120, "the ops host forgets its promise", every_s=0.1)


def test_who_gives_it_back_before_its_time_ends_the_promise_too(lab: Environment, with_power: None) -> None:
    power_off(lab, INSTANCE, 300)
    power_on(lab, INSTANCE)
    wait_for(lambda: power_status(lab, INSTANCE).endswith(" is running"), 120, "its power returns", every_s=0.1)

    assert promised(lab) == []


@pytest.mark.long
def test_the_site_on_the_cloud_is_lost_and_comes_back(lab: Environment) -> None:
    assert run("site_loss", "--site", "dr")["rpo_commands"] == 0
