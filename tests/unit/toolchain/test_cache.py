"""A cache entry is whole or absent, and its name follows what it is made from."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from dingli.setup import cache


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _write(folder: Path) -> None:
    (folder / "result").write_text("whole")


def test_an_entry_is_built_once() -> None:
    built = []

    def build(folder: Path) -> None:
        built.append(folder)
        _write(folder)

    first = cache.entry("engine", "k", build)
    assert cache.entry("engine", "k", build) == first
    assert len(built) == 1
    assert (first / "result").read_text() == "whole"


def test_a_build_that_fails_leaves_no_entry_and_can_be_repeated() -> None:
    def half(folder: Path) -> None:
        (folder / "result").write_text("ha")
        raise OSError("interrupted")

    with pytest.raises(OSError, match="interrupted"):
        cache.entry("engine", "k", half)
    assert not (cache.cache_root() / "engine" / "k").exists()
    assert (cache.entry("engine", "k", _write) / "result").read_text() == "whole"


def test_what_a_killed_builder_left_is_removed_and_never_used() -> None:
    left = cache.cache_root() / "engine" / ".k.killed"
    left.mkdir(parents=True)
    (left / "result").write_text("ha")
    assert (cache.entry("engine", "k", _write) / "result").read_text() == "whole"
    assert not left.exists()


def test_two_builders_of_one_entry_wait_for_each_other() -> None:
    built = []
    started = threading.Event()

    def slow(folder: Path) -> None:
        started.set()
        built.append("slow")
        second.join(0.2)  # the other one is waiting by now, and must not get through
        _write(folder)

    def other() -> None:
        started.wait(10)
        cache.entry("engine", "k", lambda folder: built.append("other"))

    second = threading.Thread(target=other)
    second.start()
    cache.entry("engine", "k", slow)
    second.join(10)
    assert built == ["slow"]


def test_the_key_follows_the_content_and_not_the_way_it_is_split(tmp_path: Path) -> None:
    file = tmp_path / "go.mod"
    file.write_text("a")
    before = cache.key_of(file, "go1")
    assert cache.key_of(file, "go2") != before
    file.write_text("b")
    assert cache.key_of(file, "go1") != before
    assert cache.key_of("ab", "c") != cache.key_of("a", "bc")
