"""Looks at an image that was just built, refuses what is not as its recipe promises, and writes the record."""

from __future__ import annotations

import platform
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

from audit.catalogue import model as catalogue_model
from audit.judgement import policy
from audit.judgement.rules import listed
from audit.records import sha256
from lab import golden
from lab.exceptions import LabError
from lab.golden import judged, listing, packages, roles
from lab.golden.record import Builder, BuildRecord, Root
from lab.recipe import RECORD_FORMAT, Recipe

__all__ = ["write_record"]

_ONLY_FOR_THE_RECORD = ("packages", "index", ".ansible")


def write_record(recipe: Recipe, draft: Path, started: datetime, tool: str) -> None:
    """`draft` has the archive and what the hooks wrote; `tool` built it. LabError names what an image must not be."""
    files = listing.of_archive(draft / golden.ARCHIVE)
    observed = {name: (draft / name).read_bytes() for name in golden.OBSERVED}
    made = _record(recipe, draft, files, observed, started, tool)
    _refuse(recipe, judged.leftovers(files), made)
    (draft / golden.LISTING).write_bytes(listing.dumps(files))
    (draft / golden.FILE).write_bytes(made.to_bytes())
    for name in _ONLY_FOR_THE_RECORD:
        shutil.rmtree(draft / name) if (draft / name).is_dir() else (draft / name).unlink(missing_ok=True)


def _record(
    recipe: Recipe, draft: Path, files: listing.Listing, observed: dict[str, bytes], started: datetime, tool: str
) -> BuildRecord:
    evidence = judged.evidence_of(recipe.name, observed)
    return BuildRecord(
        format=RECORD_FORMAT,
        image=recipe.name,
        os=recipe.os,
        arch=recipe.arch,
        recipe_sha256=recipe.sha256,
        roles=roles.applied_roles(),
        release=_release(evidence.output("os-release")),
        packages=packages.packages((draft / "packages").read_text(), (draft / "index").read_text(encoding="utf-8")),
        root=Root(paths=len(files), sha256=sha256(listing.dumps(files))),
        observed={name: sha256(data) for name, data in observed.items()},
        catalogue_sha256=sha256(catalogue_model.FILE.read_bytes()),
        policy_sha256=sha256(policy.FILE.read_bytes()),
        satisfies=judged.satisfied(evidence),
        points=judged.points(evidence),
        started=started,
        ended=datetime.now(UTC),
        built_on=_builder(tool),
    )


def _refuse(recipe: Recipe, leftovers: tuple[str, ...], made: BuildRecord) -> None:
    problems = [f"left in it: {listed(leftovers)}"] if leftovers else []
    for item in recipe.satisfies:
        if item not in made.satisfies:
            said = [
                f"{one.point}: {one.says}" for one in made.points if one.item == item and one.verdict != "compliant"
            ]
            problems.append(f"it does not meet {item} ({'; '.join(said) or 'not everything was judged'})")
    if problems:
        raise LabError(
            f"the image {recipe.name} is not used: {'; '.join(problems)}",
            f"an image that meets {', '.join(recipe.satisfies) or 'its recipe'} by itself, with nothing left over",
            f"correct lab/images/{recipe.name}.yaml, lab/recipe.py, or the role that the clause is about",
        )


def _release(text: str) -> dict[str, str]:
    """The fields of os-release that say which one it is."""
    fields = (line.partition("=") for line in text.splitlines() if "=" in line)
    told = {key: value.strip('"') for key, _, value in fields}
    return {key: told[key] for key in ("ID", "VERSION_ID", "VERSION_CODENAME", "PRETTY_NAME") if key in told}


def _builder(tool: str) -> Builder:
    return Builder(
        host=socket.gethostname(),
        system=platform.freedesktop_os_release()["PRETTY_NAME"],
        kernel=platform.release(),
        arch=platform.machine(),
        tool=tool,
    )
