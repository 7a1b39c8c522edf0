"""Every mistake is told with its line, what was found and what was expected; nothing else is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dingli.environment import InvalidEnvironment, load

HERE = Path(__file__).parent
CASES = sorted((HERE / "mistakes").glob("*.yaml"))


def base() -> dict[str, Any]:
    loaded = yaml.load((HERE / "base.yaml").read_text(), Loader=yaml.BaseLoader)
    return {**yaml.safe_load((HERE / "base.yaml").read_text()), "power": loaded["power"]}


def change(data: Any, path: str, value: Any = None, *, remove: bool = False) -> None:
    """Set or remove what stands at a dotted path; a number past a list's end appends."""
    *parents, last = path.split(".")
    for part in parents:
        data = data[int(part)] if isinstance(data, list) else data[part]
    if remove:
        del data[int(last) if isinstance(data, list) else last]
    elif isinstance(data, list) and int(last) >= len(data):
        data.append(value)
    else:
        data[int(last) if isinstance(data, list) else last] = value


def written(data: Any, folder: Path) -> Path:
    file = folder / "base.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return file


def test_the_base_has_no_mistake() -> None:
    assert load(HERE / "base.yaml").name == "base"


@pytest.mark.parametrize("case", CASES, ids=[case.stem for case in CASES])
def test_mistake(case: Path, tmp_path: Path) -> None:
    wanted = yaml.safe_load(case.read_text())
    data = base()
    for path in wanted.get("remove", ()):
        change(data, path, remove=True)
    for path, value in wanted.get("set", {}).items():
        change(data, path, value)
    file = written(data, tmp_path)
    with pytest.raises(InvalidEnvironment) as raised:
        load(file)
    told = [str(problem) for problem in raised.value.problems]
    for text in wanted["expect"]:
        assert any(text in line for line in told), told
    assert len(told) == wanted.get("problems", len(wanted["expect"])), told
    lines = file.read_text().splitlines()
    for problem in raised.value.problems:
        key = problem.where.rpartition(".")[2].partition("[")[0]
        place = lines[problem.line - 1]
        assert key in place or place.strip().startswith("- "), (problem, place)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("name: a\nname: b\n", 2, "a second time"),
        ("name: a\nsites: {one: [}\n", 2, ""),
        ("name: &x a\nkind: *x\n", 2, "an alias"),
        ("", 1, "an empty file"),
        ("- a\n", 1, "a list of 1"),
        ("name: a\nkind: !!python/object:os.system {}\n", 2, ""),
        ("name: a\n? [b]\n: c\n", 2, "used as a key"),
        ("a: " + "[" * 5000, 1, "too deeply"),
        ("a: 2026-13-45\nb: 0b\nc: " + "9" * 5000, 3, "999"),
        ("\x00", 1, ""),
    ],
)
def test_what_is_no_environment_is_told_with_its_line(tmp_path: Path, text: str, line: int, found: str) -> None:
    file = tmp_path / "base.yaml"
    file.write_text(text)
    with pytest.raises(InvalidEnvironment) as raised:
        load(file)
    assert any(problem.line == line and found in problem.found for problem in raised.value.problems), str(raised.value)


def test_a_file_that_is_no_utf8_is_told(tmp_path: Path) -> None:
    file = tmp_path / "base.yaml"
    file.write_bytes(b"name: \xff\n")
    with pytest.raises(InvalidEnvironment, match="no UTF-8"):
        load(file)


def test_a_majority_that_is_meant_is_accepted(tmp_path: Path) -> None:
    data = base()
    change(data, "hosts.a2", {"site": "one", "address": "10.1.0.2", "arch": "x86_64", "os": "debian-13"})
    change(data, "journal", {"members": ["a", "a2", "b"], "majority_site": "one"})
    assert load(written(data, tmp_path)).journal.majority_site == "one"


def test_two_sites_with_a_witness_at_ops_are_accepted(tmp_path: Path) -> None:
    data = base()
    change(data, "hosts.b2", {"site": "two", "address": "10.2.0.2", "arch": "x86_64", "os": "debian-13"})
    change(data, "sites.far", remove=True)
    change(data, "hosts.c", remove=True)
    change(data, "journal.members", ["a", "b", "o"])
    change(data, "cells.metals.cores.2.host", "b2")
    assert load(written(data, tmp_path)).journal.members == ("a", "b", "o")


def test_handed_over_keys_are_merged_and_contradictions_told(tmp_path: Path) -> None:
    one, other = "SHA256:" + "A" * 43, "SHA256:" + "B" * 43
    data = base() | {"handover": "handover.yaml"}
    file = written(data, tmp_path)
    assert load(file).hosts["a"].host_key_sha256 is None
    handed = {"root_key": "keys/root", "hosts": {"a": {"host_key_sha256": one}, "unknown": {}}}
    (tmp_path / "handover.yaml").write_text(yaml.safe_dump(handed))
    assert load(file).hosts["a"].host_key_sha256 == one
    assert load(file).root_key == tmp_path / "keys" / "root"
    change(data, "hosts.a.host_key_sha256", other)
    with pytest.raises(InvalidEnvironment, match=r"hosts\.a\.host_key_sha256"):
        load(written(data, tmp_path))
