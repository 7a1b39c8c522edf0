"""Power is cut through the declared driver, always with an expiry, and given back to everybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dingli.environment import Environment, load
from dingli.power import PowerFailed, PowerRefused, driver_of, power_off, power_on
from drills.actions.power import give_power_back, site_loses_power
from tests.unit.drills.past import settings


@pytest.fixture
def switch(tmp_path: Path, root: Path) -> Path:
    """What the power controller was told; it fails for the host whose name is in the file `stuck`."""
    told, script = tmp_path / "told", tmp_path / "switch"
    script.write_text(
        f'#!/bin/sh\necho "$@ session $(cut -d" " -f6 /proc/$$/stat)" >> {told}\n'
        f'! grep -qsx "$2" {tmp_path / "stuck"} || {{ echo "the switch is stuck" >&2; exit 4; }}\n'
    )
    script.chmod(0o755)
    file = root / "stacks" / "environments" / "trial.yaml"
    text = file.read_text().replace('"false {host} {seconds}"', f'"{script} off {{host}} {{seconds}}"')
    file.write_text(text.replace('"false {host}"', f'"{script} on {{host}}"'))
    return told


def said(switch: Path) -> list[str]:
    return sorted(line.partition(" session")[0] for line in switch.read_text().splitlines())


@pytest.fixture
def environment(switch: Path) -> Environment:
    return load("trial")


def test_off_carries_the_expiry(environment: Environment, switch: Path) -> None:
    power_off(environment, "a", 20)
    power_on(environment, "a")
    assert said(switch) == ["off a 20", "on a"]


def test_a_ctrl_c_in_the_terminal_does_not_reach_the_switch(environment: Environment, switch: Path) -> None:
    power_on(environment, "a")
    assert int(switch.read_text().split()[-1]) != os.getsid(0)


def test_a_switch_that_refuses_is_told_with_its_own_words(environment: Environment, switch: Path) -> None:
    switch.with_name("stuck").write_text("a\n")
    with pytest.raises(PowerFailed, match="the switch is stuck"):
        power_off(environment, "a", 20)


def test_a_switch_that_does_not_exist_is_told(root: Path) -> None:
    file = root / "stacks" / "environments" / "trial.yaml"
    file.write_text(file.read_text().replace('"false {host}"', '"/nowhere/switch {host}"'))
    with pytest.raises(PowerFailed, match="/nowhere/switch"):
        power_on(load("trial"), "a")


def test_a_host_without_driver_is_refused(environment: Environment) -> None:
    with pytest.raises(PowerRefused, match="d has no power driver"):
        driver_of(environment, "d")


def test_a_site_loses_power_as_a_whole(switch: Path) -> None:
    asked = settings(site="two").as_configuration()
    loss = site_loses_power(asked)
    assert (loss["hosts"], loss["t0_ns"] <= loss["done_ns"]) == (["b", "c"], True)
    assert said(switch) == ["off b 20", "off c 20"]


def test_power_comes_back_to_the_others_when_one_switch_is_stuck(switch: Path) -> None:
    switch.with_name("stuck").write_text("b\n")
    with pytest.raises(PowerFailed):
        give_power_back(settings(site="two").as_configuration())
    assert said(switch) == ["on b", "on c"]
