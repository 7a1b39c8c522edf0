"""What a command and its children take is seen from outside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from dingli.bench.commands import BenchFailed
from dingli.bench.watched import watched

_BUSY = "import time; held = bytearray(b'x') * (64 << 20)\nwhile time.process_time() < 1: pass\nprint('done')"


def test_memory_and_processor_of_children_count(tmp_path: Path) -> None:
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {_BUSY!r}], check=True)"
    run = watched([sys.executable, "-c", parent], tmp_path, os.environ)

    assert run.output == "done\n"
    assert run.peak_mib > 64
    assert run.wall_s >= run.cpu_s / 2 > 0.2


def test_a_command_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchFailed, match="no such stack"):
        watched([sys.executable, "-c", "raise SystemExit('no such stack')"], tmp_path, os.environ)
