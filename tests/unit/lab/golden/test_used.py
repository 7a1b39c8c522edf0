"""Which images an environment's machines came from, and what the command says of images that are not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dingli.cli.image import app
from dingli.environment import load
from dingli.exceptions import CannotTell, InputError
from lab import layout
from lab.golden import FILE
from lab.golden.used import images_of


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dingli" / "images"


def test_machines_are_told_by_the_image_that_they_were_made_from(cache: Path) -> None:
    environment = load("lab")
    made = layout.of(environment)
    older = replace(made.hosts[0], image="0123456789abcdef")
    file = cache.parent / "layout.json"
    for digest in {older.image, made.hosts[1].image}:
        (cache / digest).mkdir(parents=True)
        (cache / digest / FILE).write_text(digest)
    file.write_text(replace(made, hosts=(older, *made.hosts[1:])).dumps())
    found = {image.record.decode(): image.hosts for image in images_of(environment, file)}
    same = tuple(host.name for host in made.hosts[1:] if host.image == made.hosts[1].image)
    assert found == {
        older.image: (older.name,),
        made.hosts[1].image: same,
    }  # the others' images have no record


def test_without_a_lab_there_are_none(cache: Path) -> None:
    assert images_of(load("lab"), cache / "layout.json") == ()


def test_images_that_are_not_built_are_listed_as_such(cache: Path) -> None:
    shown = CliRunner().invoke(app, ["list"])
    assert shown.exit_code == 0
    assert [line.split()[2:] for line in shown.stdout.splitlines()] == [["not", "built"]] * 2


@pytest.mark.parametrize("words", [["verify"], ["verify", "debian-13-x86_64"], ["show", "debian-13-x86_64"]])
def test_an_image_that_is_not_built_is_no_verdict(cache: Path, words: list[str]) -> None:
    assert isinstance(CliRunner().invoke(app, words).exception, CannotTell)


@pytest.mark.parametrize(
    "words", [["show", "debian-31-x86_64"], ["verify", "../x"], ["verify", "--archive", "x"], ["build", "no"]]
)
def test_wrong_names_are_wrong_usage(cache: Path, words: list[str]) -> None:
    assert isinstance(CliRunner().invoke(app, words).exception, InputError)
