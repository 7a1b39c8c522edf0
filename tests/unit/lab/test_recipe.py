"""Images are found again by what they are made from."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import recipe
from lab.golden.roles import applied_roles
from lab.recipe import Recipe, build_command, load_recipe

BASE = Recipe(os="debian-13", arch="x86_64", suite="trixie", packages=("systemd",), disable=("etcd.service",))


@pytest.mark.parametrize(
    "change",
    [
        {"packages": ("systemd", "sudo")},
        {"suite": "bookworm"},
        {"arch": "aarch64"},
        {"disable": ()},
        {"satisfies": ("8.1.4.4.a",)},
        {"variables": {"hardening_idle_s": 300}},
    ],
)
def test_every_ingredient_is_part_of_the_key(change: dict[str, object]) -> None:
    assert BASE.model_copy(update=change).digest != BASE.digest


def test_the_roles_are_part_of_the_key() -> None:
    roles = applied_roles()
    assert BASE.sum_with(roles) == BASE.sha256
    assert BASE.sum_with(roles | {"hardening/main.yml": "another"}) != BASE.sha256


def test_the_layout_of_a_recipe_file_is_not_part_of_the_key(tmp_path: Path) -> None:
    text = "os: debian-13\narch: x86_64\nsuite: trixie\npackages: [systemd]\n"
    for folder, content in (("a", text), ("b", f"# why\n{text}\n")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "debian-13-x86_64.yaml").write_text(content, encoding="utf-8")
    first, second = (load_recipe("debian-13", "x86_64", tmp_path / folder) for folder in ("a", "b"))
    assert first is not None
    assert second is not None
    assert first.digest == second.digest


@pytest.mark.parametrize("name", recipe.known_recipes())
def test_shipped_recipes_are_named_like_what_they_make(name: str) -> None:
    os_name, _, arch = name.rpartition("-")
    shipped = load_recipe(os_name, arch)
    assert shipped is not None
    assert shipped.name == name


@pytest.mark.parametrize("name", recipe.known_recipes())
def test_no_image_may_take_the_machines_emulator_away(name: str) -> None:
    os_name, _, arch = name.rpartition("-")
    shipped = load_recipe(os_name, arch)
    assert shipped is not None
    command = " ".join(build_command(shipped, Path("rootfs.tar")))
    assert "systemd-binfmt.service" in command
    assert "proc-sys-fs-binfmt_misc.mount" in command


@pytest.mark.parametrize("name", recipe.known_recipes())
def test_no_path_of_this_machine_is_part_of_the_key(name: str) -> None:
    os_name, _, arch = name.rpartition("-")
    shipped = load_recipe(os_name, arch)
    assert shipped is not None
    assert str(recipe.RECIPES.parents[1]) not in " ".join(build_command(shipped, Path("rootfs.tar")))
