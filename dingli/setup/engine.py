"""The Pulumi engine: the machine's own if it is complete, else built once and kept in the cache."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from dingli.exceptions import SetupError
from dingli.setup.cache import cache_root, entry, key_of
from dingli.setup.phases import command

_LANGUAGE_HOST = "pulumi-language-python"
_OURS = (".dingli", "bin")
_GO_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}


def official_engine(path: str) -> Path | None:
    """A `pulumi` on `path` that has its own Python language host beside it, apart from what any clone made."""
    for name in path.split(os.pathsep):
        folder = Path(name or ".").resolve()
        complete = all(os.access(folder / program, os.X_OK) for program in ("pulumi", _LANGUAGE_HOST))
        if complete and folder.parts[-2:] != _OURS:
            return folder / "pulumi"
    return None


def provide_engine(root: Path) -> str:
    """Put `pulumi` and its language host into `.dingli/bin`, unless the machine has both."""
    folder = root.joinpath(*_OURS)
    official = official_engine(os.environ.get("PATH", ""))
    if official:
        shutil.rmtree(folder, ignore_errors=True)
        return f"the machine's own, {official}"
    cached = _given(root) or build_engine(root)
    _place(cached, folder / "pulumi")
    host = folder / _LANGUAGE_HOST
    if not host.is_symlink():
        host.symlink_to(Path("../../tools/pulumi") / _LANGUAGE_HOST)
    return f"{cached}"


def build_engine(root: Path, arch: str | None = None) -> Path:
    """The engine from the cache, compiled first if need be: for this machine, or for another processor."""
    sources = root / "tools" / "pulumi"
    foreign = [] if arch in (None, os.uname().machine) else [_GO_ARCH[arch or ""]]
    key = key_of(*_sources(root), _go_version(), *foreign)
    return entry("engine", key, lambda unfinished: _build(sources, unfinished / "pulumi", foreign)) / "pulumi"


def given_key(root: Path, arch: str) -> str:
    """The cache's name for an engine that was brought here, so that no Go is needed: `engine-given/<key>/pulumi`."""
    return key_of(*_sources(root), arch)


def _given(root: Path) -> Path | None:
    given = cache_root() / "engine-given" / given_key(root, os.uname().machine) / "pulumi"
    return given if os.access(given, os.X_OK) else None


def _sources(root: Path) -> list[Path]:
    return [root / "tools" / "pulumi" / name for name in ("go.mod", "go.sum", "build.sh")]


def _build(sources: Path, target: Path, foreign: list[str]) -> None:
    print("compiling the Pulumi engine from source, 4 to 8 minutes on two cores, once per machine", flush=True)
    command([sources / "build.sh", target], cwd=sources, env={"GOARCH": foreign[0]} if foreign else None)


def _place(cached: Path, target: Path) -> None:
    """Hard link (or copy, between file systems): through a symbolic link the engine would look for its language
    host in the cache, which knows no clone."""
    if target.exists() and target.stat().st_size == cached.stat().st_size and _same_time(target, cached):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(".pulumi.new")
    temporary.unlink(missing_ok=True)
    try:
        temporary.hardlink_to(cached)
    except OSError:
        shutil.copy2(cached, temporary)
    temporary.rename(target)


def _same_time(one: Path, other: Path) -> bool:
    return one.stat().st_mtime_ns == other.stat().st_mtime_ns


def _go_version() -> str:
    try:
        asked = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise SetupError(
            "neither Pulumi nor a working Go is on PATH",
            "Go 1.25.11 or later to build the engine, or `pulumi` with `pulumi-language-python` beside it",
            "install one of them",
        ) from error
    return asked.stdout.strip()
