"""`dingli init`: what it writes loads without mistakes, whole or not at all, and never over something else."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from dingli.environment import Environment, load
from dingli.exceptions import InputError
from dingli.initialise import write

pytestmark = pytest.mark.slow

_RUN = "from dingli.cli.main import run; run()"
_SITES = [
    ("east-a", "primary"), ("east-b", "standby"), ("west-a", "dr"), ("west-b", "standby"), ("far", "dr")
]  # fmt: skip
_ANSWER_S = 30
_MOST_QUESTIONS = 80


def _sites(count: int, *, hosts: int = 1, ops: bool = False) -> list[str]:
    words = ["--supernet", "10.8.0.0/16"]
    for index, (name, role) in enumerate(_SITES[:count], 1):
        words += ["--site", f"{name}={role},{name.split('-')[0]},10.8.{index}.0/24"]
        for number in range(1, hosts + 1):
            words += ["--host", f"{name}-{number}={name},10.8.{index}.{number}"]
    if ops:
        words += ["--site", "ops=ops,east,10.8.9.0/24", "--host", "ops-1=ops,10.8.9.1"]
    return words


def _init(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _RUN, "init", *words]
    return subprocess.run(command, capture_output=True, text=True, env={"DINGLI_ROOT": str(root)}, stdin=-3)


def _file(root: Path) -> Path:
    return root / "stacks" / "environments" / "new.yaml"


def _made(root: Path, *words: str) -> Environment:
    done = _init(root, "new", *words)
    assert done.returncode == 0, done.stderr
    return load(_file(root))


@pytest.mark.parametrize(("count", "hosts", "ops"), [(2, 2, True), (3, 1, False), (4, 2, True), (5, 3, False)])
def test_two_to_five_sites_make_an_environment(tmp_path: Path, count: int, hosts: int, ops: bool) -> None:
    environment = _made(tmp_path, *_sites(count, hosts=hosts, ops=ops))

    assert sum(site.trading for site in environment.sites.values()) == count
    assert len(environment.hosts) == count * hosts + ops
    assert len(environment.journal.members) == (5 if count == 5 else 3)
    main = {
        environment.site_of(core.host).name
        for core in environment.cells[environment.first_cell].cores
        if core.kind == "main"
    }
    assert len(main) > 1, "the operator's program, which comes with main cores, is at one site only"


def test_two_sites_have_their_witness_at_ops(tmp_path: Path) -> None:
    assert _made(tmp_path, *_sites(2, hosts=2, ops=True)).journal.members == ("east-a-1", "east-b-1", "ops-1")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (_sites(2, hosts=2), "witness"),
        (_sites(1, hosts=3), "1 trading sites"),
        (_sites(2, ops=True), "2 hosts on trading sites"),
        ([*_sites(3), "--host", "east-a-2=nowhere,10.8.1.2"], "unknown site 'nowhere'"),
        ([*_sites(3), "--host", "east-a-2=east-a,10.9.1.2"], "10.8.1.0/24"),
        ([*_sites(3), "--host", "east-a-2"], "NAME=SITE,ADDRESS"),
        ([*_sites(3), "--instrument", "CU,1,2"], "the instrument 'CU,1,2'"),
        ([*_sites(3), "--cell", "a", "--cell", "b"], "no instrument for cell b"),
        ([*_sites(3), "--power-on", "x {host}"], "half a power driver"),
        (["--supernet", "10.8.0.0/16"], "no --site and no --host"),
    ],
)
def test_answers_that_make_no_environment_are_told_and_leave_nothing(
    tmp_path: Path, words: list[str], said: str
) -> None:
    done = _init(tmp_path, "new", *words)

    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["../out", "New", "pulumi", "env", "a" * 40])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    assert _init(tmp_path, name, *_sites(3)).returncode == 2
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_everything_can_be_said_with_flags(tmp_path: Path) -> None:
    environment = _made(
        tmp_path,
        *_sites(3),
        *("--kind", "lab", "--handover", "given.yaml", "--members", "3", "--service-rto", "4.5"),
        *("--host", "slow=east-b,10.8.2.9,aarch64,debian-12,emulated", "--cell", "metal", "--cell", "null"),
        *("--instrument", "CU,100,10,100,1000", "--instrument", "null:AU,2,10,2,1000"),
        *("--site", "ops=ops,east,10.8.9.0/24,gate@192.0.2.7:2222", "--host", "ops-1=ops,10.8.9.1"),
        *("--power-off", 'pdu "{host}" {seconds}', "--power-on", "pdu {host}", "--power-status", "pdu # {host}: ?"),
    )

    assert environment.targets.service_rto_s == 4.5
    assert environment.hosts["slow"].emulated
    assert list(environment.cells) == ["metal", "null"]
    assert environment.cells["metal"].members == ("M001", "M002", "M003")
    assert environment.cells["metal"].ports != environment.cells["null"].ports
    bastion = environment.sites["ops"].bastion
    assert bastion is not None
    assert bastion.port == 2222
    assert environment.power["power"].model_dump()["status"] == "pdu # {host}: ?"


def test_print_writes_nothing(tmp_path: Path) -> None:
    done = _init(tmp_path, "new", "--print", *_sites(3))

    assert not _file(tmp_path).exists()
    shown = tmp_path / "new.yaml"
    shown.write_text(done.stdout)
    assert load(shown).name == "new"


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    _file(tmp_path).parent.mkdir(parents=True)
    _file(tmp_path).write_text("precious")

    done = _init(tmp_path, "new", *_sites(3))

    assert done.returncode == 2
    assert "exists" in done.stderr
    assert _file(tmp_path).read_text() == "precious"
    assert [path.name for path in _file(tmp_path).parent.iterdir()] == ["new.yaml"]


def test_a_file_that_somebody_made_meanwhile_is_left_alone_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    _file(tmp_path).parent.mkdir(parents=True)
    _file(tmp_path).write_text("precious")

    with pytest.raises(InputError, match="exists"):
        write("new", "name: new")

    assert _file(tmp_path).read_text() == "precious"
    assert [path.name for path in _file(tmp_path).parent.iterdir()] == ["new.yaml"]


def _asked(root: Path) -> pexpect.spawn:
    environment = {"DINGLI_ROOT": str(root), "TERM": "dumb"}
    return pexpect.spawn(
        sys.executable,
        ["-c", _RUN, "init", "new"],
        env=environment,
        encoding="utf-8",
        timeout=_ANSWER_S,
        preexec_fn=_hear_interrupts,
    )


def _hear_interrupts() -> None:
    """Also where the tests themselves run in the background of a shell that has them ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_person_is_asked_and_a_wrong_answer_is_asked_for_again(tmp_path: Path) -> None:
    asked = _asked(tmp_path)
    asked.expect("lab or production")
    asked.sendline("nonsense")
    asked.expect("expected one of lab, production")
    given = itertools.chain([("lab or production", "lab")], [("every site lies", "10.8.0.0/16")])
    for question, answer in given:
        asked.expect(question)
        asked.sendline(answer)
    for _ in range(_MOST_QUESTIONS):  # the rest: what is suggested
        if asked.expect([r"city of [\w-]+: $", r": $", pexpect.EOF]) == 2:
            break
        asked.sendline("east" if "city" in asked.after else "")
    else:
        pytest.fail(f"asked without end: {asked.before}")

    asked.wait()
    assert asked.exitstatus == 0, asked.before
    environment = load(_file(tmp_path))
    assert len(environment.sites) == 4
    assert len(environment.hosts) == 7


def test_after_ctrl_c_there_is_nothing(tmp_path: Path) -> None:
    asked = _asked(tmp_path)
    asked.expect("lab or production")
    asked.sendcontrol("c")
    asked.expect(pexpect.EOF)

    asked.wait()
    assert asked.exitstatus not in (0, 3)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
