"""What set-up makes of the machine it finds."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from dingli.exceptions import SetupError
from dingli.setup.debian import missing, wanted
from dingli.setup.engine import given_key, official_engine, provide_engine
from dingli.setup.shell import engine_environment, environment, write_env

ROOT = Path(__file__).parents[3]


def _program(folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(0o755)


def test_the_package_list_may_explain_itself() -> None:
    assert wanted("# why\npodman   # hosts\n\ncrun\n") == ["podman", "crun"]


def test_only_packages_that_are_not_installed_are_missing() -> None:
    assert missing(["dpkg", "no-such-package-at-all"]) == ["no-such-package-at-all"]


def test_an_official_engine_needs_its_own_language_host(tmp_path: Path) -> None:
    _program(tmp_path / "half", "pulumi")
    _program(tmp_path / "whole", "pulumi")
    _program(tmp_path / "whole", "pulumi-language-python")
    path = os.pathsep.join([str(tmp_path / "half"), str(tmp_path / "whole")])
    assert official_engine(path) == tmp_path / "whole" / "pulumi"
    assert official_engine(str(tmp_path / "half")) is None


def test_what_the_set_up_of_any_clone_made_is_not_taken_for_official(tmp_path: Path) -> None:
    ours = tmp_path / "another clone" / ".dingli" / "bin"
    _program(ours, "pulumi")
    _program(ours, "pulumi-language-python")
    assert official_engine(str(ours)) is None


def test_an_engine_that_was_brought_here_needs_no_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "a clone"
    shutil.copytree(ROOT / "tools" / "pulumi", root / "tools" / "pulumi")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupError, match="Go"):
        provide_engine(root)
    _program(tmp_path / "dingli" / "engine-given" / given_key(root, os.uname().machine), "pulumi")
    provide_engine(root)
    assert (root / ".dingli" / "bin" / "pulumi").read_text() == "#!/bin/sh\n"


def test_the_shell_file_is_private_and_can_be_read_twice(tmp_path: Path) -> None:
    root = tmp_path / "a clone"
    root.mkdir()
    write_env(root)
    env, passphrase = root / ".dingli" / "env", root / ".dingli" / "passphrase"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (env, passphrase)] == [0o600, 0o600]
    script = f'. "{env}"; . "{env}"; echo "$PATH"; echo "$PULUMI_BACKEND_URL"; cat "$PULUMI_CONFIG_PASSPHRASE_FILE"'
    plain = {"PATH": "/usr/bin:/bin"}
    path, backend, secret = subprocess.check_output(["sh", "-c", script], env=plain, text=True).splitlines()
    assert path == f"{root}/.venv/bin:{root}/.dingli/bin:/usr/bin:/bin"
    assert backend == f"file://{root}/.dingli/pulumi"
    assert len(secret) > 30


def test_a_second_set_up_keeps_the_passphrase(tmp_path: Path) -> None:
    write_env(tmp_path)
    first = (tmp_path / ".dingli" / "passphrase").read_text()
    write_env(tmp_path)
    assert (tmp_path / ".dingli" / "passphrase").read_text() == first


def test_programs_started_by_make_see_what_the_shell_file_gives(tmp_path: Path) -> None:
    write_env(tmp_path)
    env = environment(tmp_path)
    shell = subprocess.check_output(["sh", "-c", ". .dingli/env; env"], cwd=tmp_path, text=True)
    given = dict(line.split("=", 1) for line in shell.splitlines() if line.startswith(("PULUMI_", "CHAOS", "PATH=")))
    assert given == {name: env[name] for name in given}


def test_cloud_credentials_reach_the_engine_only_for_a_backend_in_s3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")

    assert "AWS_SECRET_ACCESS_KEY" not in engine_environment(tmp_path)
    assert engine_environment(tmp_path, "s3://bucket")["AWS_SECRET_ACCESS_KEY"] == "a secret"
    assert engine_environment(tmp_path, makes_machines=True)["AWS_SECRET_ACCESS_KEY"] == "a secret"


def test_a_declared_backend_counts_before_a_persons_choice_and_that_before_the_clones_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_BACKEND_URL", raising=False)
    assert engine_environment(tmp_path)["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/.dingli/pulumi"
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///chosen")
    assert engine_environment(tmp_path)["PULUMI_BACKEND_URL"] == "file:///chosen"
    assert engine_environment(tmp_path, "s3://bucket")["PULUMI_BACKEND_URL"] == "s3://bucket"


@pytest.mark.parametrize(
    "name", ["requirements.lock", "infra/policies/requirements.lock", "tests/quickfix/requirements.lock"]
)
def test_locks_have_hashes_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    pinned = [line for line in text.splitlines() if "==" in line]
    assert pinned
    assert all(line.endswith("\\") for line in pinned), "a package without a hash"
