"""`.dingli/env`: what a shell needs so that the plain tools (pulumi, ansible-playbook, chaos …) work in this clone."""

from __future__ import annotations

import os
import secrets
import shlex
from pathlib import Path

from dingli.whole_file import write_private


def variables(root: Path) -> dict[str, str]:
    """Environment variables of Pulumi and the other tools, all but PATH."""
    state = root / ".dingli"
    return {
        "PULUMI_BACKEND_URL": f"file://{state / 'pulumi'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(state / "passphrase"),
        "PULUMI_HOME": str(state / "pulumi-home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "CHAOSTOOLKIT_DISABLE_TELEMETRY": "1",
    }


def path_folders(root: Path) -> list[Path]:
    """Folders that come first on PATH."""
    return [root / ".venv" / "bin", root / ".dingli" / "bin"]


def environment(root: Path) -> dict[str, str]:
    """The whole environment for a program started from here, as after `. .dingli/env`."""
    path = os.pathsep.join([*map(str, path_folders(root)), os.environ.get("PATH", "")])
    return {**os.environ, **variables(root), "PATH": path}


def engine_environment(
    root: Path, declared_backend: str | None = None, *, makes_machines: bool = False
) -> dict[str, str]:
    """The environment for `pulumi`. Where the environment file declares a backend, that one counts; else a person's own
    choice of PULUMI_BACKEND_URL; else the clone's folder. AWS credentials reach the engine only for a backend in S3, or
    where stacks make machines of a cloud.
    """
    found = environment(root)
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        found[name] = os.environ.get(name, found[name])
    if declared_backend is not None:
        found["PULUMI_BACKEND_URL"] = declared_backend
    if not (makes_machines or found["PULUMI_BACKEND_URL"].startswith("s3://")):
        found = {name: value for name, value in found.items() if not name.startswith("AWS_")}
    return found


def write_env(root: Path) -> str:
    """Make the state folders, the passphrase (once) and the shell file."""
    state = root / ".dingli"
    (state / "pulumi").mkdir(parents=True, exist_ok=True)
    (state / "pulumi-home").mkdir(exist_ok=True)
    if not (state / "passphrase").exists():
        write_private(state / "passphrase", secrets.token_urlsafe(32) + "\n")
    folders = os.pathsep.join(map(str, path_folders(root)))
    lines = [
        "# Written by `make setup`. After `. .dingli/env`, pulumi, ansible-playbook, chaos … work by themselves.",
        f'case ":$PATH:" in *:{shlex.quote(folders)}:*) ;; *) PATH={shlex.quote(folders)}:"$PATH"; export PATH ;; esac',
        *(f"export {name}={shlex.quote(value)}" for name, value in variables(root).items()),
    ]
    write_private(state / "env", "\n".join(lines) + "\n")
    return ". .dingli/env"
