"""What an export holds: everything that makes this controller the environment's, and nothing that can be made again.

Left out: evidence itself (its heads and keys are in), built programs, and the certificate authority's root key, which
is kept away from controllers on purpose and is needed again only for a new intermediate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from dingli.controller.exceptions import Altered, ControllerError
from dingli.environment import Environment, environment_file, project_root, state_dir
from dingli.environment.readiness import CALLED_FILE
from dingli.evidence import Store, manifest
from dingli.evidence.store import CONTINUES
from dingli.stacks.backend import META, Backend, checkpoint_key
from dingli.stacks.names import StackName

__all__ = ["HANDOVER", "PASSPHRASE", "gather", "target_of"]

PASSPHRASE = "passphrase"  # noqa: S105 - a file's name
HANDOVER = "handover.yaml"
_FOLDERS = ("pki", "secrets", "unfinished", "evidence-witnesses")
_FILES = ("known_hosts", "evidence-heads.jsonl", CALLED_FILE)
_PASSING = {".lock", ".unfinished", ".new"}
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


def gather(environment: Environment, backend: Backend, passphrase_file: Path) -> dict[str, bytes]:
    """The files of an export, by name. Raises ControllerError if there is nothing to carry, or not whole."""
    found = {PASSPHRASE: _read(passphrase_file), "environment.yaml": _read(environment_file(environment.name))}
    handover = _handover(environment)
    if handover is not None:
        found[HANDOVER] = handover
    meta = backend.read(META)
    if meta is not None:
        found["state/meta.yaml"] = meta
    for site in environment.sites:
        name = StackName(environment.name, site)
        state = backend.read(checkpoint_key(str(name)))
        if state is not None:
            found[f"state/{name}.json"] = state
        settings = _settings(str(name))
        if settings.is_file():
            found[f"settings/{name}.yaml"] = _read(settings)
    for path in _kept(state_dir(environment.name)):
        found[f"kept/{path.relative_to(state_dir(environment.name)).as_posix()}"] = _read(path)
    head = manifest.last_head(Store.of(environment.name))
    if head is not None:
        found[f"kept/{CONTINUES}"] = (head.model_dump_json() + "\n").encode()
    return found


def target_of(name: str, environment: str, *, shared_state: bool) -> Path:
    """Where an import puts a file. With state in a bucket the export's copy of it is only kept, for a lost bucket.

    Raises Altered for a name that no export has: none leads out of the places that are ours.
    """
    root, kept = project_root(), state_dir(environment)
    parts = PurePosixPath(name).parts
    if not parts or any(not _PART.fullmatch(part) for part in parts):
        raise Altered(f"a file {name!r} in the export", "names that an export has")
    match parts:
        case ("passphrase",):
            return root / ".dingli" / "passphrase"
        case ("environment.yaml",):
            return environment_file(environment)
        case ("handover.yaml",):
            return kept / HANDOVER
        case ("state", file) if shared_state:
            return kept / "state-copy" / file
        case ("state", "meta.yaml"):
            return root / ".dingli" / "pulumi" / META
        case ("state", file) if file.startswith(f"{environment}-"):
            return root / ".dingli" / "pulumi" / checkpoint_key(file.removesuffix(".json"))
        case ("settings", file) if file.startswith(f"{environment}-"):
            return root / "stacks" / f"Pulumi.{file}"
        case ("kept", first, *_) if first in (*_FOLDERS, *_FILES, CONTINUES):
            return kept.joinpath(*parts[1:])
    raise Altered(f"a file {name!r} in the export", "names that an export has")


def stack_export(checkpoint: bytes) -> bytes:
    """A checkpoint as `pulumi stack import` takes it."""
    said = json.loads(checkpoint)
    return json.dumps({"version": said["version"], "deployment": said["checkpoint"]["latest"]}).encode()


def _kept(state: Path) -> Iterator[Path]:
    for name in _FILES:
        if (state / name).is_file():
            yield state / name
    for folder in _FOLDERS:
        for path in sorted((state / folder).rglob("*")):
            if path.is_file() and path.suffix not in _PASSING and not path.name.startswith("."):
                yield path


def _settings(stack: str) -> Path:
    return project_root() / "stacks" / f"Pulumi.{stack}.yaml"


def _handover(environment: Environment) -> bytes | None:
    """The data centre's hand-over: without its host keys another controller would see changes."""
    if environment.handover is None:
        return None
    declared = environment_file(environment.name).parent / environment.handover
    carried = state_dir(environment.name) / HANDOVER
    file = next((one for one in (declared, carried) if one.is_file()), None)
    return None if file is None else _read(file)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ControllerError(
            f"{path}: {error.strerror}", "a file that belongs to this controller", "run `make setup`, or restore it"
        ) from None
