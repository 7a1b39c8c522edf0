"""The programs that roles put on hosts: files on the controller, with their sums."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from dingli.artifacts import Artifact, build_all
from dingli.environment import Cell, CoreKind, Environment, state_dir

__all__ = ["artifacts"]

_PROGRAM = {CoreKind.MAIN: "core", CoreKind.MINIMAL: "minicore"}


def artifacts(
    environment: Environment, group: str, cell: Cell | None, hosts: Iterable[str]
) -> dict[str, dict[str, str]]:
    """`{name: {path, sha256}}` of the programs that the cell's part of `group` needs on `hosts`; built if need be."""
    names: set[str] = set()
    if cell is not None and group == "core":
        names = {_PROGRAM[core.kind] for core in cell.cores if core.host in hosts}
    elif cell is not None and group == "gateway":
        names = {"gateway"}
    elif group == "ops":
        names = {"load"}
    built = {name: _built(state_dir(environment.name), name) for name in sorted(names)}
    return {name: {"path": str(artifact.path), "sha256": artifact.sha256} for name, artifact in built.items()}


@cache
def _built(state: Path, name: str) -> Artifact:
    """Built, and summed, once in a process: many Deployments deliver the same program."""
    return build_all(state, [name])[name]
