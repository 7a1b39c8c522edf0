"""Phases tell their time, and one that fails says what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dingli.exceptions import SetupError
from dingli.setup.phases import Phase, command, run_phases


def _fails() -> str:
    raise SetupError("no room left")


def _works() -> str:
    return "12 installed"


def test_a_phase_that_works_is_shown_with_its_result_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    run_phases([Phase("packages", _works, "look at apt")])
    assert "[ 0:00] 1/1 packages: 12 installed (0.0 s)" in capsys.readouterr().out


def test_a_failed_phase_stops_the_rest_and_names_itself_and_the_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupError) as caught:
        run_phases([Phase("engine", _fails, "free some space"), Phase("later", _works, "")])
    assert "engine: no room left" in str(caught.value)
    assert "what to do: free some space; then run the same again, it carries on" in str(caught.value)
    assert "later" not in capsys.readouterr().out


def test_all_checks_run_even_if_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SetupError, match="failed: lint"):
        run_phases([Phase("lint", _fails, ""), Phase("types", _works, "")], all_of_them=True)
    assert "2/2 types: 12 installed" in capsys.readouterr().out


def test_a_program_that_fails_is_named_with_its_status(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"ended with status 7"):
        command([sys.executable, "-c", "raise SystemExit(7)"], cwd=tmp_path)


def test_a_program_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no-such-program is not installed"):
        command(["no-such-program"], cwd=tmp_path)
