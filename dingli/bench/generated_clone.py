"""A clone beside this one with a generated environment, stacks that were never upped, and a backend of its own."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dingli.bench.generated import environment_text, handover_text, known_hosts_text, sizes
from dingli.bench.watched import Run, watched
from dingli.environment import project_root
from dingli.setup.shell import environment, write_env

__all__ = ["NAME", "GeneratedClone", "generated_clone"]

NAME = "scale"
_LINKED = ("infra", "dingli", "tools", "app", "loadtests", ".venv", "pyproject.toml", "Pulumi.yaml")
_DINGLI = ("-c", "from dingli.cli.main import run; run()")  # the clone's own, wherever it is installed


@dataclass(frozen=True)
class GeneratedClone:
    """Where it is; its environment is called `scale`."""

    path: Path
    hosts: int

    @property
    def variables(self) -> dict[str, str]:
        """As after `. .dingli/env` in that clone."""
        return environment(self.path) | {"DINGLI_ROOT": str(self.path)}

    def dingli(self, *words: str, inside: tuple[str, ...] = ()) -> Run:
        """`dingli WORDS`, watched. Raises BenchFailed if it fails."""
        return watched([*inside, sys.executable, *_DINGLI, *words], self.path, self.variables)

    def lay_out(self, roles: Path) -> None:
        """The same programs as in this clone, and `roles`."""
        root = project_root()
        for name in _LINKED:
            (self.path / name).symlink_to(root / name)
        (self.path / "roles").symlink_to(roles)
        environments = self.path / "stacks" / "environments"
        environments.mkdir(parents=True)
        (environments / f"{NAME}.yaml").write_text(environment_text(NAME, self.hosts, "../../handover.yaml"))
        (self.path / "handover.yaml").write_text(handover_text(self.hosts))
        state = self.path / ".dingli"
        state.mkdir()
        (state / "bin").symlink_to(root / ".dingli" / "bin")
        write_env(self.path)
        builds = state / NAME / "build"
        builds.mkdir(parents=True)
        for built in (root / ".dingli" / "lab" / "build").glob("*"):
            (builds / built.name).symlink_to(built)  # the same programs: building them is no part of what is measured

    def remember_host_keys(self) -> None:
        """As if every host had been adopted."""
        state = self.path / ".dingli" / NAME
        state.mkdir(exist_ok=True)
        (state / "known_hosts").write_text(known_hosts_text(self.hosts))

    def bring_states(self) -> None:
        """Every stack as after a faultless `up` (`infra/recorded.py`)."""
        for site in sizes(self.hosts):
            stack, state = f"{NAME}-{site}", self.path / f"{site}.json"
            state.write_text(self._run(sys.executable, "-m", "infra.recorded", stack))
            self._run("pulumi", "stack", "select", "--create", stack, "--non-interactive")
            self._run("pulumi", "stack", "import", "-s", stack, "--file", str(state))

    def _run(self, *command: str) -> str:
        return watched(command, self.path, self.variables).output


@contextmanager
def generated_clone(hosts: int, roles: Path | None = None) -> Iterator[GeneratedClone]:
    """A clone of that many hosts with its states; it is removed afterwards. `roles`: others than this clone's."""
    with tempfile.TemporaryDirectory(prefix="dingli-scale-") as folder:
        clone = GeneratedClone(Path(folder), hosts)
        clone.lay_out(roles or project_root() / "roles")
        clone.bring_states()
        yield clone
