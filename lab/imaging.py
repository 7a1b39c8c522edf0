"""Images of hosts: built once per recipe, kept in the user's cache beside the records of how they were built."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from dingli.setup.cache import entry
from lab import containers
from lab.command import run
from lab.exceptions import LabError
from lab.golden import ARCHIVE, roles
from lab.layout import Layout
from lab.places import image_cache
from lab.recipe import Recipe, build_command, load_recipe

__all__ = ["build", "folder_of", "missing", "provide", "usual_duration"]

BUILD_LIMIT_S = 1800
_NICENESS = 5


def missing(layout: Layout) -> tuple[Recipe, ...]:
    """The recipes whose images are neither in the lab's storage nor in the cache."""
    return tuple(r for r in _recipes(layout) if not containers.has_image(r.digest) and not folder_of(r).is_dir())


def provide(layout: Layout, tell: Callable[[str], None]) -> None:
    """Every image of the layout into the lab's storage, building what no cache has; several at a time."""
    absent = [recipe for recipe in _recipes(layout) if not containers.has_image(recipe.digest)]
    problems: list[LabError] = []

    def one(recipe: Recipe) -> None:
        try:
            if not folder_of(recipe).is_dir():
                tell(f"building the image {recipe.name}: about {usual_duration(recipe)}")
            containers.import_image(recipe.digest, build(recipe) / ARCHIVE)
        except LabError as error:
            problems.append(error)

    threads = [threading.Thread(target=one, args=(recipe,)) for recipe in absent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise LabError("\n".join(problem.found for problem in problems), remedy=problems[0].remedy)


def usual_duration(recipe: Recipe) -> str:
    """How long a build takes, in words."""
    return "5 min" if recipe.emulated_here else "1 min"


def folder_of(recipe: Recipe) -> Path:
    """Where the image is, or would be. What is half built is never there."""
    return image_cache() / recipe.digest


def build(recipe: Recipe) -> Path:
    """The folder of the image, built if it is not there. LabError if it is not what its recipe promises."""
    wanted = recipe.sha256
    return entry("images", wanted[:16], lambda draft: _build(recipe, wanted, draft))


def _recipes(layout: Layout) -> list[Recipe]:
    wanted = dict.fromkeys((host.os, host.arch) for host in layout.hosts)
    return [recipe for os_name, arch in wanted if (recipe := load_recipe(os_name, arch))]


def _build(recipe: Recipe, wanted: str, draft: Path) -> None:
    from lab.golden.recording import write_record  # the audit's judgement takes a second to load: not for every command

    started = datetime.now(UTC)
    log = image_cache() / f"{recipe.name}.log"
    command = ["nice", "-n", str(_NICENESS), *build_command(recipe, draft / ARCHIVE)]
    try:
        with log.open("wb") as out:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=_environment(draft),
                timeout=BUILD_LIMIT_S, check=False,
            )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"building the image {recipe.name} took more than {BUILD_LIMIT_S} s", remedy=f"read {log}"
        ) from error
    if done.returncode != 0:
        raise LabError(f"building the image {recipe.name} ended with status {done.returncode}", remedy=f"read {log}")
    if recipe.sha256 != wanted:
        raise LabError(f"roles changed while the image {recipe.name} was built", remedy="do the same again")
    write_record(recipe, draft, started, run([command[3], "--version"]).strip())


def _environment(draft: Path) -> dict[str, str]:
    """What the recipe's hooks find; and Ansible, which leaves nothing in anybody's home."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    own = {"HOME": "/root", "ANSIBLE_HOME": str(draft / ".ansible"), "ANSIBLE_NOCOLOR": "1"}
    return {**os.environ, **own, "PATH": path, "DINGLI_CLONE": str(roles.ROOT), "DINGLI_DRAFT": str(draft)}
