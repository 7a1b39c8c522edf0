"""A cut is between two addresses, in both directions, and nothing else. That packets stop, tests/live/lab shows."""

from __future__ import annotations

from lab.cuts import ruleset
from lab.layout import LabLine

FIRST = LabLine("primary--dr--1", "198.18.101.1", "198.18.101.2")
SECOND = LabLine("primary--dr--2", "198.18.101.5", "198.18.101.6")


def drops(*lines: LabLine) -> list[str]:
    return [line.strip().partition(" counter")[0] for line in ruleset(lines).splitlines() if "drop" in line]


def test_what_passes_between_the_ends_is_dropped_in_both_directions() -> None:
    assert drops(FIRST) == [
        "ip saddr 198.18.101.1 ip daddr 198.18.101.2",
        "ip saddr 198.18.101.2 ip daddr 198.18.101.1",
    ]


def test_each_line_is_cut_by_itself() -> None:
    assert len(drops(FIRST, SECOND)) == 4


def test_without_a_cut_no_filter_is_left_and_another_replaces_the_one_before() -> None:
    remove = "table ip cuts\ndelete table ip cuts\n"
    assert ruleset([]) == remove
    assert ruleset([FIRST]).startswith(remove)
