"""Images of hosts: built once per recipe, kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from lab import containers
from lab.exceptions import LabError
from lab.layout import Layout
from lab.places import LOGS, image_cache
from lab.recipe import Recipe, build_command, load_recipe

BUILD_LIMIT_S = 1800
_NICENESS = 5


def missing(layout: Layout) -> tuple[Recipe, ...]:
    """The recipes whose images are neither in the lab's storage nor in the cache."""
    return tuple(r for r in _recipes(layout) if not containers.has_image(r.digest) and not _cached(r).is_file())


def provide(layout: Layout, tell: Callable[[str], None]) -> None:
    """Every image of the layout into the lab's storage, building what no cache has; several at a time."""
    absent = [recipe for recipe in _recipes(layout) if not containers.has_image(recipe.digest)]
    problems: list[LabError] = []

    def one(recipe: Recipe) -> None:
        try:
            if not _cached(recipe).is_file():
                tell(f"building the image {recipe.name}: about {'4 min' if recipe.emulated_here else '40 s'}")
                _build(recipe)
            containers.import_image(recipe.digest, _cached(recipe))
        except LabError as error:
            problems.append(error)

    threads = [threading.Thread(target=one, args=(recipe,)) for recipe in absent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise LabError("\n".join(problem.found for problem in problems), remedy=problems[0].remedy)


def _recipes(layout: Layout) -> list[Recipe]:
    wanted = dict.fromkeys((host.os, host.arch) for host in layout.hosts)
    return [recipe for os_name, arch in wanted if (recipe := load_recipe(os_name, arch))]


def _cached(recipe: Recipe) -> Path:
    return image_cache() / recipe.digest / "rootfs.tar"


def _build(recipe: Recipe) -> None:
    """Into a temporary folder that gets its name when it is whole, so that half an image is never used."""
    final = _cached(recipe).parent
    draft = final.with_name(f".{recipe.digest}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"image-{recipe.name}.log"
    command = ["nice", "-n", str(_NICENESS), *build_command(recipe, draft / "rootfs.tar")]
    try:
        with log.open("wb") as out:
            status = subprocess.run(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=BUILD_LIMIT_S, check=False
            ).returncode
        if status != 0:
            raise LabError(f"building the image {recipe.name} ended with status {status}", remedy=f"read {log}")
        draft.replace(final)
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"building the image {recipe.name} took more than {BUILD_LIMIT_S} s", remedy=f"read {log}"
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
