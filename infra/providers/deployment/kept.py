"""What hosts were given, kept on the controller so that a canary can be given it again: inputs and roles, by sum."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dingli.environment import project_root, state_dir
from infra.providers.base.exceptions import ProviderError
from infra.providers.deployment.content import Plays
from infra.providers.deployment.digest import desired
from infra.providers.deployment.packing import unpacked

__all__ = ["Kept"]

_LEFT_OUT = {"__pycache__", "tests", "molecule"}


class Kept:
    """Of one Deployment, in `.dingli/<environment>/deployed/`; no secrets, and programs stay where they were built."""

    def __init__(self, resource_id: str) -> None:
        environment, _, rest = resource_id.partition("/")
        self._folder: Path = state_dir(environment) / "deployed" / rest.replace("/", "--")

    def has(self, total: str) -> bool:
        """Whether what a host with this sum was given can be given to it again."""
        try:
            kept = json.loads(self._inputs_file(total).read_text())
        except FileNotFoundError:
            return False
        return self._roles_file(kept).exists()

    def keep(self, inputs: Mapping[str, Any], hosts: Collection[str]) -> None:
        """Keep what `hosts` are given with `inputs`. Does nothing if the roles on disk are others by now."""
        missing = {
            name: total for name, total in desired(dict(inputs)).items() if name in hosts and not self.has(total)
        }
        playbook = project_root() / inputs["playbook"]
        if not missing or Plays(playbook).content(inputs["group"]) != inputs["content"]:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        roles = self._roles_file(inputs)
        if not roles.exists():
            _write(roles, _packed(playbook.parent))
        for name, total in missing.items():
            own = {**inputs, "hosts": {name: inputs["hosts"][name]}}
            _write(self._inputs_file(total), json.dumps(own).encode())

    @contextmanager
    def unpacked(self, total: str) -> Iterator[dict[str, Any]]:
        """Inputs of a run that gives a host again what has this sum. Raises `ProviderError` if it is not there."""
        if not self.has(total):
            raise ProviderError(
                "what was deployed before is not kept on this controller",
                f"{self._inputs_file(total)}",
                "deploy the former version by hand: check it out, and run `dingli up`",
            )
        inputs = json.loads(self._inputs_file(total).read_text())
        with tempfile.TemporaryDirectory(prefix=".former-", dir=self._folder) as folder:
            with tarfile.open(self._roles_file(inputs)) as archive:
                archive.extractall(folder, filter="data")
            inputs["playbook"] = str(Path(folder) / "roles" / Path(inputs["playbook"]).name)
            for host in inputs["hosts"].values():  # what roles would find beside their playbook otherwise
                host["vars"] = {**unpacked(host["vars"]), "dingli_state": str(state_dir(inputs["environment"]))}
            yield inputs

    def prune(self, totals: Collection[str]) -> None:
        """Forget what no host has or had last: all but `totals`."""
        needed = set()
        for file in self._folder.glob("*.json"):
            if file.stem in totals:
                needed.add(self._roles_file(json.loads(file.read_text())))
            else:
                file.unlink()
        for file in self._folder.glob("roles-*.tar.gz"):
            if file not in needed:
                file.unlink()
        for leftover in self._folder.glob(".former-*"):
            shutil.rmtree(leftover)

    def _inputs_file(self, total: str) -> Path:
        return self._folder / f"{total}.json"

    def _roles_file(self, inputs: Mapping[str, Any]) -> Path:
        total = hashlib.sha256(json.dumps(inputs["content"], sort_keys=True).encode()).hexdigest()
        return self._folder / f"roles-{total[:16]}.tar.gz"


def _write(file: Path, data: bytes) -> None:
    """Whole or not at all."""
    descriptor, unfinished = tempfile.mkstemp(dir=file.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
        Path(unfinished).rename(file)
    finally:
        Path(unfinished).unlink(missing_ok=True)


def _packed(roles: Path) -> bytes:
    def wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if _LEFT_OUT & set(Path(entry.name).parts) else entry

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(roles, "roles", filter=wanted)
    return packed.getvalue()
