"""Power-offs end when they should, whatever happens to clocks and controllers."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import power
from lab.exceptions import LabError
from lab.power import PowerOff

BOOT = "this-boot"


def offs(**until_s: float) -> dict[str, PowerOff]:
    return {host: PowerOff(host, until, BOOT) for host, until in until_s.items()}


def test_a_power_off_is_due_from_its_very_end() -> None:
    assert power.due(offs(one=100.0), 99.9, BOOT) == ()
    assert power.due(offs(one=100.0), 100.0, BOOT) == ("one",)


def test_the_longest_overdue_host_comes_first() -> None:
    assert power.due(offs(late=90.0, later=80.0, not_yet=200.0), 100.0, BOOT) == ("later", "late")


def test_after_a_reboot_of_the_machine_every_power_off_has_ended() -> None:
    assert power.due(offs(one=1e9), 5.0, "another-boot") == ("one",)


def test_the_controller_sleeps_until_the_nearest_end() -> None:
    assert power.next_wake_s(offs(one=130.0, two=110.0), 100.0, BOOT) == pytest.approx(10.0)
    assert power.next_wake_s(offs(one=90.0), 100.0, BOOT) == 0.0
    assert power.next_wake_s({}, 100.0, BOOT) is None


def test_what_was_written_down_is_read_back(tmp_path: Path) -> None:
    written = offs(one=130.5, two=110.25)
    power.save(tmp_path / "power.json", written)
    assert power.load(tmp_path / "power.json") == written
    assert power.load(tmp_path / "absent.json") == {}


@pytest.mark.parametrize("text", ["{", "[]]", '[{"host": "one"}]', "7"])
def test_a_damaged_list_is_an_error_and_not_an_empty_list(tmp_path: Path, text: str) -> None:
    (tmp_path / "power.json").write_text(text, encoding="utf-8")
    with pytest.raises(LabError, match="damaged"):
        power.load(tmp_path / "power.json")


@pytest.mark.parametrize(("text", "seconds"), [("60s", 60), ("60", 60), ("2m", 120), ("1.5s", 1.5), ("10m", 600)])
def test_durations_that_people_write(text: str, seconds: float) -> None:
    assert power.duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "0.9s", "601s", "11m", "-5s", "1h", "forever", "1e2", "nan"])
def test_no_power_off_without_an_end_or_beyond_the_limit(text: str) -> None:
    with pytest.raises(LabError, match="power-off"):
        power.duration_s(text)
