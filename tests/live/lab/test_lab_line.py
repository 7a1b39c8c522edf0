"""`dingli lab line`: a line is cut outside of the hosts, and every cut ends. A lab of lines and nothing else."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.live.lab.box import Box, wait_until

FIRST, SECOND = "primary--dr--1", "primary--dr--2"
_UP = f"""
import os
import sys
from pathlib import Path
from lab import lifecycle
from lab.layout import LabLine, Layout
lines = (LabLine({FIRST!r}, "198.18.101.1", "198.18.101.2"), LabLine({SECOND!r}, "198.18.101.5", "198.18.101.6"))
networks = {{"primary": "198.18.1.0/24", "dr": "198.18.3.0/24"}}
layout = Layout("198.18.0.0/16", networks, (), lines=lines[: int(sys.argv[1])])
lifecycle.up(layout, Path(os.environ["DINGLI_ROOT"]), False, print, print)
"""


def lab_up(box: Box, lines: int) -> None:
    done = box.run(sys.executable, "-c", _UP, str(lines), timeout_s=240)
    assert done.returncode == 0, done.stderr


def states(box: Box) -> dict[str, dict[str, Any]]:
    done = box.dingli("lab", "line", "--json")
    assert done.returncode == 0, done.stderr
    return {one["name"]: one for one in json.loads(done.stdout)}


def dropped(box: Box) -> set[str]:
    """The names of the lines that the router carries nothing of."""
    shown = box.run("ip", "netns", "exec", "dingli-router", "nft", "list", "table", "ip", "cuts").stdout
    return {name for name in (FIRST, SECOND) if shown.count(f'drop comment "{name}"') == 2}


@pytest.fixture(scope="module")
def joined(bare_box: Box) -> Box:
    lab_up(bare_box, 2)
    return bare_box


def test_a_cut_is_on_the_router_and_told_with_its_end(joined: Box) -> None:
    assert {one["state"] for one in states(joined).values()} == {"whole"}
    done = joined.dingli("lab", "line", FIRST, "cut", "--for", "60s")
    assert "mends by itself in" in done.stdout, done.stderr
    seen = states(joined)

    assert dropped(joined) == {FIRST}
    assert (seen[FIRST]["state"], seen[SECOND]["state"]) == ("cut", "whole")
    assert 0 < seen[FIRST]["mends_in_s"] <= 60


def test_a_cut_ends_by_itself_and_others_go_on(joined: Box) -> None:
    joined.dingli("lab", "line", SECOND, "cut", "--for", "2s")
    assert SECOND in dropped(joined)
    wait_until(lambda: dropped(joined) == {FIRST}, "the second line mends by itself", 30)

    assert states(joined)[SECOND]["state"] == "whole"


def test_a_cut_outlives_the_controller_and_so_does_its_end(joined: Box) -> None:
    joined.dingli("lab", "line", SECOND, "cut", "--for", "3s")
    joined.run("sh", "-c", "kill -9 $(cat /run/dingli-lab/powerd.pid)")
    assert "the power controller does not run" in joined.dingli("lab", "line", FIRST, "status").stderr
    done = joined.dingli("lab", "line", FIRST, "mend", "--json")

    assert json.loads(done.stdout)[0]["state"] == "whole", done.stderr
    wait_until(lambda: dropped(joined) == set(), "what the former controller promised", 30)


def test_what_cannot_be_is_refused_with_a_remedy(joined: Box) -> None:
    for words, said in (
        (("primary--dr--9", "cut", "--for", "5s"), "the lab has no line"),
        ((FIRST, "cut"), "see `dingli lab line --help`"),
        ((FIRST, "cut", "--for", "1h"), "a cut for '1h'"),
    ):
        done = joined.dingli("lab", "line", *words)
        assert done.returncode != 0
        assert said in done.stderr


def test_lines_come_and_go_beside_a_lab_that_runs(joined: Box) -> None:
    joined.dingli("lab", "line", SECOND, "cut", "--for", "60s")
    lab_up(joined, 1)
    assert (list(states(joined)), dropped(joined)) == ([FIRST], set()), "a cut of a line that is no more ends"
    lab_up(joined, 0)
    assert "declares no lines" in joined.dingli("lab", "line").stdout
