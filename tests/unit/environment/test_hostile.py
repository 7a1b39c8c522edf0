"""Files made to harm: none takes the program down, its memory, or more than a few seconds."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dingli.environment import load
from tests.conftest import Fuzz

from .test_mutations import mistakes

pytestmark = pytest.mark.slow

LAB = Path(__file__).resolve().parents[3] / "stacks" / "environments" / "lab.yaml"
TEXT = LAB.read_text().replace("/var/lib/dingli-lab/handover.yaml", "absent.yaml")
REVISION = "    revision: 1 "
MOST_S = 10.0


def with_revision(value: str) -> str:
    return TEXT.replace(REVISION, f"    revision: {value} ")


def with_handover(path: str) -> str:
    return TEXT.replace("absent.yaml", path)


def more(section: str, *lines: str) -> str:
    return TEXT.replace(f"\n{section}:\n", f"\n{section}:\n" + "".join(f"  {line}\n" for line in lines))


HOST = "{site: nowhere, address: 198.18.1.11, arch: x86_64, os: debian-13, power: none}"
HOSTILE = {
    "flow_lists_without_end": "[" * 100_000,
    "flow_maps_without_end": "{a: " * 100_000,
    "block_lists_without_end": "- " * 50_000,
    "levels_that_fit_no_copy": TEXT + "x: " + "[" * 400 + "]" * 400,
    "a_list_within_itself": "name: &a [*a]\n",
    "a_billion_laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefghijkl", "bcdefghijklm", strict=True)),
    "a_number_without_digits": with_revision('!!int ""'),
    "a_fraction_without_digits": with_revision('!!float ""'),
    "a_number_of_400000_bits": with_revision("0x" + "f" * 100_000),
    "a_number_in_base_60": with_revision("1" + ":1" * 10_000),
    "ten_megabytes": "x: " + "a" * 10_000_000,
    "a_key_of_a_megabyte": TEXT + "? " + "k" * 900_000 + "\n: 1\n",
    "a_key_that_clears_the_screen": TEXT + '"\\e[2J\\nall is well": 1\n',
    "values_without_end": TEXT + "x: [" + "1," * 300_000 + "1]\n",
    "a_thousand_keys_twice": TEXT + "name: lab\n" * 1000,
    "thousands_of_empty_cells": more("cells", *(f"c{number}: {{}}" for number in range(9_000))),
    "thousands_of_sites": more(
        "sites",
        *(f"s{n}: {{role: standby, city: a, network: 198.18.{n % 256}.0/24}}" for n in range(2_400)),
    ),
    "thousands_of_hosts": more("hosts", *(f"h{number}: {HOST}" for number in range(1_900))),
    "thousands_of_gateways": more("hosts", *(f"host-{number}: {{}}" for number in range(90))).replace(
        "gateways: [", "gateways: [" + "".join(f"host-a{number}, " for number in range(18_000))
    ),
    "a_handover_without_end": with_handover("/dev/zero"),
    "a_handover_that_is_a_pipe": with_handover("pipe"),
    "a_handover_that_is_a_folder": with_handover("/etc"),
    "a_handover_that_no_file_system_has": with_handover("/" + "a" * 5_000),
    "a_handover_of_lists": with_handover("lists"),
    "a_handover_with_an_enormous_number": with_handover("number"),
}
# Within 2 GiB of address space: what would take all memory fails here, and not the machine.
JUDGE = """
import json, resource, sys, time
from dingli.environment import InvalidEnvironment, load
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
for name in json.load(sys.stdin):
    print(json.dumps([name, "begun", 0, []]), flush=True)
    began = time.process_time()  # others may keep the machine busy meanwhile
    try:
        load(name + "/lab.yaml")
        found = []
    except InvalidEnvironment as error:
        found = [[problem.line, str(problem)] for problem in error.problems[:20000]]
    print(json.dumps([name, "judged", time.process_time() - began, found]), flush=True)
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a process of its own said of every hostile file."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, text in HOSTILE.items():
        (folder / name).mkdir()
        (folder / name / "lab.yaml").write_text(text)
        os.mkfifo(folder / name / "pipe")
        (folder / name / "lists").write_text("[" * 100_000)
        (folder / name / "number").write_text("root_key: 0x" + "f" * 100_000)
    environment = {**os.environ, "PYTHONPATH": str(LAB.parents[2])}
    command = [sys.executable, "-c", JUDGE]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        input=json.dumps(list(HOSTILE)),
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, f"{said[-1][0]}: exit code {done.returncode}\n{done.stderr[-2000:]}"
    return {name: (took_s, found) for name, step, took_s, found in said if step == "judged"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_made_to_harm_is_told_in_words_and_soon(judged: dict[str, Any], name: str) -> None:
    took_s, found = judged[name]
    assert found, "it was taken for an environment"
    assert all(line >= 1 and text.isprintable() for line, text in found), found
    assert took_s < MOST_S


def test_a_path_that_holds_nothing_is_no_handover(tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    file.write_text(with_handover('"a\\0b"'))
    assert load(file).root_key is None


TOKENS = [
    "",
    "~",
    "-1",
    "1e999",
    ".nan",
    ".inf",
    "0x" + "f" * 3000,
    "9" * 5000,
    "true",
    "*a",
    "&a ",
    "&a",
    "!!int ''",
    "!!binary x",
    "!!set {a}",
    "<<: ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    "{}",
    "[]",
    "- ",
    ": ",
    "|\n",
    ">-\n",
    "%YAML 1.1\n---\n",
    "---\n",
    "...\n",
    "#",
    "'",
    '"',
    '"\\0"',
    '"\\ud800"',
    "\u2028",
    "\ufeff",
    "\u202e",
    "١٢",
    "Ａ",
    "\x85",
    "\x07",
    "\t",
    "name",
    "primary-1",
    "host/../..",
    "198.18.1.11",
    "0.0.0.0/0",
    "a" * 300,
    "[" * 40,
]


def insert(source: random.Random, text: str) -> str:
    at = source.randrange(len(text))
    return text[:at] + source.choice(TOKENS) + text[at:]


def replace_word(source: random.Random, text: str) -> str:
    words = text.split(" ")
    words[source.randrange(len(words))] = source.choice(TOKENS)
    return " ".join(words)


def replace_value(source: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = source.randrange(len(lines))
    lines[at] = lines[at].split(":")[0] + ": " + source.choice(TOKENS)
    return "\n".join(lines)


def move_lines(source: random.Random, text: str) -> str:
    lines = text.split("\n")
    at, to = source.randrange(len(lines)), source.randrange(len(lines))
    moved = lines[at : at + source.randrange(1, 6)]
    kept = lines if source.random() < 0.5 else lines[:at] + lines[at + len(moved) :]
    return "\n".join([*kept[:to], *moved, *kept[to:]])


def indent(source: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = source.randrange(len(lines))
    lines[at] = source.choice(["  " + lines[at], lines[at].strip(), "\t" + lines[at]])
    return "\n".join(lines)


def cut(source: random.Random, text: str) -> str:
    at = source.randrange(len(text))
    return text[:at] + text[at + source.randrange(1, 200) :]


CHANGES: list[Callable[[random.Random, str], str]] = [insert, replace_word, replace_value, move_lines, indent, cut]


def test_a_thousand_changed_files_give_an_environment_or_mistakes_with_lines(fuzz: Fuzz, tmp_path: Path) -> None:
    file = tmp_path / "lab.yaml"
    for case in fuzz.cases(1000):
        source, text = fuzz.random(case), TEXT
        for _ in range(source.randrange(1, 5)):
            text = source.choice(CHANGES)(source, text) or "x"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        with fuzz.naming(case, text):
            problems = mistakes(file)
            assert all(one.line >= 1 and one.found and one.expected for one in problems)
            assert all(str(one).isprintable() for one in problems), problems
