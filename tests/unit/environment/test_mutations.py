"""Whatever stands in the file, the answer is an environment or a clean list of mistakes."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dingli.environment import InvalidEnvironment, Problem, load

from .test_mistakes import HERE, base

pytestmark = pytest.mark.slow

WORDS = ["a", "one", "metals", "", "debian-13", "10.1.0.1", "10.0.0.0/8", "none", "*", "main"]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(WORDS)
    | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*WORDS, "name", "driver"]), inner),
    max_leaves=6,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the data."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [path, *(place for key, value in pairs for place in places(value, (*path, key)))]


@st.composite
def mutated(draw: st.DrawFn) -> str:
    data: Any = base()
    for _ in range(draw(st.integers(1, 4))):
        path = draw(st.sampled_from(places(data)))
        value = draw(VALUES)
        if not path:
            continue
        here = data
        for part in path[:-1]:
            here = here[part]
        action = draw(st.sampled_from(["set", "remove", "add"]))
        if action == "remove":
            del here[path[-1]]
        elif action == "add" and isinstance(here, dict):
            here[draw(st.sampled_from([*WORDS, "name"]))] = value
        else:
            here[path[-1]] = value
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


def judged(text: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "base.yaml"
        file.write_bytes(text)
        told = mistakes(file)
    assert all(problem.found and problem.expected and problem.line >= 1 for problem in told)


def mistakes(file: Path) -> tuple[Problem, ...]:
    try:
        load(file)
    except InvalidEnvironment as error:
        return error.problems
    return ()


@settings(max_examples=150, deadline=None)
@given(mutated())
def test_changed_values_give_an_environment_or_its_mistakes(text: str) -> None:
    judged(text.encode())


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_changed_bytes_give_an_environment_or_its_mistakes(data: st.DataObject) -> None:
    text = bytearray((HERE / "base.yaml").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        start = data.draw(st.integers(0, len(text) - 1))
        text[start : start + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=6))
        if not text:
            break
    judged(bytes(text))


def test_a_thousand_hosts_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = base()
    for number in range(1000):
        address = f"10.1.{number // 250 + 1}.{number % 250 + 1}"
        data["hosts"][f"host-{number}"] = {"site": "one", "address": address, "arch": "x86_64", "os": "debian-13"}
    file = tmp_path / "base.yaml"
    file.write_text(yaml.safe_dump(data))
    began = time.monotonic()
    assert len(load(file).hosts) == 1004
    with capsys.disabled():
        print(f"\n1,000 hosts: {time.monotonic() - began:.2f} s")
