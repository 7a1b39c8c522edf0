"""Packets of lines go where they should: in racks, through the cloud's routes, and nowhere while a line is cut."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.live.lab.box import Box


def test_every_packet_of_the_story_goes_where_it_should(bare_box: Box) -> None:
    done = bare_box.run(sys.executable, str(Path(__file__).with_name("line_paths.py")), timeout_s=240)
    assert done.returncode == 0, done.stderr[-4000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert [statement for statement, so in told.items() if not so] == []
    assert len(told) > 15
