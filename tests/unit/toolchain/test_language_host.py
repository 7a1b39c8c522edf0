"""Our language host runs a real program under the real engine, and never outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dingli.setup.shell import environment
from tests.waiting import wait_for

pytestmark = pytest.mark.engine

PACK = """
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def short(args, report):
    if len(args.props.get("text", "")) > 9:
        report(f"{args.name} has a long text")

PolicyPack("trial", [ResourceValidationPolicy("short", "Texts are short", short, EnforcementLevel.MANDATORY)])
"""

ROOT = Path(__file__).parents[3]
LANGUAGE_HOST = ROOT / "tools" / "pulumi" / "pulumi-language-python"
UNCHANGED = ["preview", "--expect-no-changes"]


class Project:
    """A copy of the trial project with a stack `one` and a backend of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "project"
        shutil.copytree(Path(__file__).with_name("project"), self.folder)
        (self.folder / "venv").symlink_to(ROOT / ".venv")
        launcher = self.folder / "provider" / "pulumi-resource-note"
        launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$(dirname "$0")/provider.py" "$@"\n')
        launcher.chmod(0o755)
        (folder / "state").mkdir()
        own = {"PULUMI_BACKEND_URL": f"file://{folder / 'state'}", "PULUMI_HOME": str(folder / "home")}
        self.env = environment(ROOT) | own | {"PULUMI_CONFIG_PASSPHRASE": "trial"}
        self.env.pop("PULUMI_CONFIG_PASSPHRASE_FILE")
        self.must("stack", "init", "one")
        self.set_texts('["abc", "defg"]')

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), cwd=self.folder, env=self.env, capture_output=True, text=True)

    def must(self, *arguments: str) -> str:
        result = self.pulumi(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def set_texts(self, texts: str) -> None:
        self.must("config", "set", "texts", texts)

    def command(self, *arguments: str) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive"]

    def write_pack(self, text: str) -> Path:
        folder = self.folder / "pack"
        folder.mkdir(exist_ok=True)
        (folder / "PulumiPolicy.yaml").write_text("runtime: {name: python, options: {virtualenv: ../venv}}\n")
        (folder / "__main__.py").write_text(text)
        return folder

    def write_program(self, text: str) -> None:
        (self.folder / "program" / "__main__.py").write_text(text)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_with_a_component_and_a_local_provider_goes_up_once(project: Project) -> None:
    first = project.must("preview")
    assert "+ 5 to create" in first
    assert "5 created" in project.must("up", "--yes", "--skip-preview")
    assert project.must("stack", "output", "length").strip() == "3"
    project.must(*UNCHANGED)
    assert "5 unchanged" in project.must("up", "--yes")
    project.set_texts('["abcde", "defg"]')
    assert "2 updated" in project.must("up", "--yes", "--skip-preview").replace("~ ", "")
    project.must(*UNCHANGED)
    assert "5 deleted" in project.must("destroy", "--yes", "--skip-preview")


def test_nothing_is_said_about_a_language_host_in_the_wrong_place(project: Project) -> None:
    assert "warning" not in project.must("preview").lower()


def test_an_error_of_the_program_fails_the_run_and_shows_where(project: Project) -> None:
    project.write_program("raise ValueError('no such site')\n")
    result = project.pulumi("preview")
    assert result.returncode != 0
    assert "ValueError: no such site" in result.stdout + result.stderr
    assert "__main__.py" in result.stdout + result.stderr


def test_a_program_that_dies_without_an_answer_fails_the_run(project: Project) -> None:
    project.write_program("import os\nos._exit(9)\n")
    result = project.pulumi("preview")
    assert result.returncode != 0
    assert "ended with status 9" in result.stdout + result.stderr


def test_a_missing_virtual_environment_is_named_with_what_to_do(project: Project) -> None:
    (project.folder / "venv").unlink()
    result = project.pulumi("preview")
    assert result.returncode != 0
    assert "venv/bin/python" in result.stdout + result.stderr
    assert "make setup" in result.stdout + result.stderr


def test_language_host_and_program_end_when_the_engine_is_killed(project: Project, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    project.write_program(
        "import os, pathlib, threading\n"
        f"pathlib.Path('{pids}').write_text(f'{{os.getpid()}} {{os.getppid()}}')\n"
        "threading.Event().wait()\n"
    )
    engine = subprocess.Popen(
        project.command("preview"), cwd=project.folder, env=project.env, stdout=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        program, host = (int(pid) for pid in pids.read_text().split())
        assert _alive(program)
        assert _alive(host)
    finally:
        engine.kill()
        engine.wait()
    wait_for(lambda: not _alive(program) and not _alive(host))


def test_a_policy_pack_in_python_judges_every_resource(project: Project) -> None:
    pack = ("--policy-pack", str(project.write_pack(PACK)))
    project.must("preview", *pack)
    project.set_texts('["abc", "defghijklm"]')
    result = project.pulumi("preview", *pack)

    assert result.returncode != 0
    assert "shelf-1 has a long text" in result.stdout + result.stderr
    assert "shelf-0 has" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("text", "words"), [("raise ValueError('no rules')\n", "ValueError: no rules"), ("import nothing\n", "'nothing'")]
)
def test_a_policy_pack_that_does_not_start_fails_the_run_and_says_why(project: Project, text: str, words: str) -> None:
    result = project.pulumi("preview", "--policy-pack", str(project.write_pack(text)))

    assert result.returncode != 0
    assert words in result.stdout + result.stderr


def test_a_policy_pack_ends_with_the_run_and_when_the_engine_is_killed(project: Project, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    pack = project.write_pack(f"import os, pathlib\npathlib.Path('{pid}').write_text(str(os.getpid()))\n{PACK}")
    project.must("preview", "--policy-pack", str(pack))
    wait_for(lambda: not _alive(int(pid.read_text())))

    pid.unlink()
    project.write_program("import threading\nthreading.Event().wait()\n")
    command = project.command("preview", "--policy-pack", str(pack))
    engine = subprocess.Popen(command, cwd=project.folder, env=project.env, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: pid.exists() and pid.read_text())
        assert _alive(int(pid.read_text()))
    finally:
        engine.kill()
        engine.wait()
    wait_for(lambda: not _alive(int(pid.read_text())))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly(number: signal.Signals) -> None:
    host = subprocess.Popen([LANGUAGE_HOST, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert host.stdout is not None
    assert int(host.stdout.readline()) > 0
    os.kill(host.pid, number)
    _, errors = host.communicate(timeout=60)
    assert (host.returncode, errors) == (0, "")
