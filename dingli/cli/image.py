"""Images that machines are made from: build them, look at their records, verify that they are still that."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from dingli import evidence
from dingli.environment import load
from dingli.environment.problems import near_miss
from dingli.exceptions import CannotTell, ExitCode, InputError
from dingli.parameters import AsJson
from lab import imaging
from lab.exceptions import MachineUnfit
from lab.golden import FILE, record, verification
from lab.golden.record import BuildRecord
from lab.golden.used import UsedImage, images_of
from lab.recipe import Recipe, known_recipes, load_recipe
from lab.requirements import register_emulator

_EPILOG = "Examples:\n\ndingli image list\n\ndingli image build debian-13-x86_64\n\ndingli image verify"

app = typer.Typer(no_args_is_help=True, epilog=_EPILOG)

_Name = Annotated[str, typer.Argument(metavar="IMAGE", help="An image that `dingli image list` shows.")]
_Names = Annotated[
    list[str] | None, typer.Argument(metavar="[IMAGE]...", help="All (to verify: all that are built) if none is named.")
]


@app.command("list", epilog="Examples:\n\ndingli image list\n\ndingli image list --json")
def list_images(as_json: AsJson = False) -> None:
    """The images that there are recipes for, and what is in the cache."""
    rows = [_row(_recipe(name)) for name in known_recipes()]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        state = f"built {row['built']:.19}, {row['packages']} packages" if row["built"] else "not built"
        meets = f"meets {', '.join(row['satisfies'])}" if row["satisfies"] else ""
        typer.echo(f"{row['image']:18} {row['digest']}  {state}  {meets}".rstrip())


@app.command(epilog="Examples:\n\ndingli image build\n\ndingli image build debian-12-aarch64 --json")
def build(name: _Names = None, as_json: AsJson = False) -> None:
    """Build what the cache does not have: as root, a minute each, five where the processor is emulated."""
    recipes = [_recipe(one) for one in name or known_recipes()]
    for recipe in recipes:
        if not imaging.folder_of(recipe).is_dir():
            _prepare(recipe)
            typer.echo(f"building {recipe.name}: about {imaging.usual_duration(recipe)}", err=True)
            began = time.monotonic()
            imaging.build(recipe)
            typer.echo(f"{time.monotonic() - began:6.1f} s  {recipe.name}", err=True)
    rows = [_row(recipe) for recipe in recipes]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        typer.echo(f"{row['image']}: {row['folder']}")


@app.command(
    epilog="Examples:\n\ndingli image show debian-13-x86_64\n\ndingli image show debian-13-x86_64 --json\n\n"
    "dingli image show debian-13-x86_64 --sbom > sbom.json"
)
def show(
    name: _Name,
    as_json: AsJson = False,
    sbom: Annotated[bool, typer.Option("--sbom", help="Print the bill of materials, CycloneDX in JSON.")] = False,
) -> None:
    """The record of an image: what went in, what came out, what was checked."""
    folder = _built(_recipe(name))
    if sbom:
        from lab.golden.packages import bill_of_materials  # takes long to load

        typer.echo(bill_of_materials(record.read(folder)), nl=False)
    elif as_json:
        typer.echo((folder / FILE).read_text(encoding="utf-8"), nl=False)
    else:
        for line in _lines(record.read(folder)):
            typer.echo(line)


@app.command(
    epilog="Examples:\n\ndingli image verify\n\ndingli image verify debian-13-x86_64 --json\n\n"
    "dingli image verify debian-13-x86_64 --archive /media/copy/rootfs.tar"
)
def verify(
    name: _Names = None,
    archive: Annotated[
        Path | None, typer.Option(metavar="FILE", help="This copy of the image, in place of the one in the cache.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Walk through the image again and name every file that is not as recorded. Status 1 if any; 3 if not built."""
    if archive is not None and (name is None or len(name) != 1):
        raise InputError("--archive without the image that it is a copy of", "one image's name", "name it")
    recipes = [_recipe(one) for one in name or known_recipes()]
    if not name:
        recipes = [one for one in recipes if imaging.folder_of(one).is_dir()] or recipes
    verdicts = [verification.verify(recipe.name, _built(recipe), archive) for recipe in recipes]
    if as_json:
        typer.echo(json.dumps([asdict(one) | {"good": not one.findings} for one in verdicts], indent=1))
    else:
        for one in verdicts:
            for finding in one.findings:
                typer.echo(f"{one.image}: {finding}")
            words = f"{len(one.findings)} findings: not what was built" if one.findings else "as recorded"
            typer.echo(f"{one.image}: {one.paths} paths, {words}")
    raise typer.Exit(ExitCode.FAILED if any(one.findings for one in verdicts) else ExitCode.OK)


@app.command(epilog="Examples:\n\ndingli image keep lab\n\ndingli image keep lab --json")
def keep(
    environment: Annotated[str, typer.Argument(metavar="ENV", help="An environment of kind lab.")],
    as_json: AsJson = False,
) -> None:
    """Put records, bills of materials and raw checks of the images of an environment's machines into its evidence.

    `dingli up` puts the records there by itself. Here the images are verified, too: status 1 if one is not as recorded.
    """
    described = load(environment)
    used = images_of(described)
    if not used:
        raise CannotTell(
            f"no machine of {described.name} was made from an image with a record",
            "a lab that is up, with images that were built by this version",
            "run `dingli lab up`; machines that are there keep their images until `dingli lab down`",
        )
    without = [host for host in described.hosts if not any(host in image.hosts for image in used)]
    with evidence.run(described, kind="image", title=f"images of {described.name}") as run:
        run.event("without-a-record", hosts=without)
        verdicts = [_keep(run, image) for image in used]
        good = not any(one.findings for one in verdicts)
        run.result = evidence.Result.PASSED if good else evidence.Result.FAILED
    hosts = {image.name: image.hosts for image in used}
    if as_json:
        told = {"good": good, "evidence": str(run.folder), "images": hosts, "without": without}
        typer.echo(json.dumps(told, indent=1))
    else:
        for image_name, names in hosts.items():
            typer.echo(f"{image_name}: {', '.join(names)}")
        if without:
            typer.echo(f"made from no image with a record: {', '.join(without)}")
        typer.echo(f"{'as recorded' if good else 'NOT as recorded: `dingli image verify`'}; evidence: {run.folder}")
    raise typer.Exit(ExitCode.OK if good else ExitCode.FAILED)


def _keep(run: evidence.Run, image: UsedImage) -> verification.Verdict:
    from lab.golden.packages import bill_of_materials  # takes long to load

    run.event("image", image=image.name, hosts=image.hosts)
    for file in verification.KEPT:
        run.add_raw(f"images/{image.name}/{file}", (image.folder / file).read_bytes())
    run.add_raw(f"images/{image.name}/sbom.json", bill_of_materials(record.read(image.folder)))
    verdict = verification.verify(image.name, image.folder)
    run.event("verified", image=image.name, findings=[str(one) for one in verdict.findings])
    return verdict


def _recipe(name: str) -> Recipe:
    os_name, _, arch = name.rpartition("-")
    recipe = load_recipe(os_name, arch) if name in known_recipes() else None
    if recipe is None:
        known = known_recipes()
        raise InputError(
            f"no image {name!r}", f"one of: {', '.join(known)}{near_miss(name, known)}", "see `dingli image list`"
        )
    return recipe


def _built(recipe: Recipe) -> Path:
    folder = imaging.folder_of(recipe)
    if not folder.is_dir():
        raise CannotTell(
            f"the image {recipe.name} is not built ({recipe.digest})", "an image in the cache", "`dingli image build`"
        )
    return folder


def _prepare(recipe: Recipe) -> None:
    """An image's programs run while it is built, as root of its own files."""
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        raise MachineUnfit("images are built by root, with mmdebstrap", remedy="`make setup`, then sudo")
    register_emulator(recipe.arch)


def _row(recipe: Recipe) -> dict[str, Any]:
    folder = imaging.folder_of(recipe)
    row: dict[str, Any] = {"image": recipe.name, "digest": recipe.digest, "folder": str(folder)}
    if not folder.is_dir():
        return row | {"built": None, "packages": None, "satisfies": [], "root_sha256": None}
    made = record.read(folder)
    told = {"built": made.ended.isoformat(), "packages": len(made.packages), "satisfies": list(made.satisfies)}
    return row | told | {"root_sha256": made.root.sha256}


def _lines(made: BuildRecord) -> list[str]:
    on = made.built_on
    lines = [
        f"{made.image}: {made.release.get('PRETTY_NAME', '?')}, {len(made.packages)} packages",
        f"built    {made.ended:%Y-%m-%d %H:%M:%S} UTC on {on.host} ({on.system}, {on.arch}, Linux {on.kernel})",
        f"recipe   {made.recipe_sha256}",
        *(f"role     {total}  {name}" for name, total in made.roles.items()),
        f"files    {made.root.sha256}  {made.root.paths} paths",
        f"meets    {', '.join(made.satisfies)}",
    ]
    return lines + [f"{one.item:11} {one.point:18} {one.verdict:13} {one.says}" for one in made.points]
