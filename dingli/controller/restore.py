"""Making this clone the environment's controller: everything in an export is put in its place, or nothing is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dingli.controller.contents import PASSPHRASE, stack_export, target_of
from dingli.controller.envelope import Sealed
from dingli.controller.exceptions import Altered, Conflict, ControllerError
from dingli.controller.recovery import RecoveryKey
from dingli.environment import project_root, state_dir
from dingli.environment.document import read as read_document
from dingli.evidence import Store
from dingli.evidence.store import CONTINUES

__all__ = ["Restored", "restore"]

_NAMED = 6
_OPEN_TO_READ = (".yaml", ".pub", ".crt")


@dataclass(frozen=True)
class Restored:
    """What an import did: files written, and where the replaced ones went."""

    environment: str
    written: tuple[Path, ...]
    replaced: Path | None
    shared_state: bool


def restore(sealed: Sealed, key: RecoveryKey, *, replace: bool = False) -> Restored:
    """Open an export and put its files in place.

    Raises what `Sealed.open` does, and Conflict if the clone has something else there; with `replace` that is moved
    aside. Whatever is raised, nothing was written.
    """
    environment = sealed.header.environment
    files = sealed.open(key)
    shared = _declares_backend(files)
    if Store.of(environment).folders():
        files.pop(f"kept/{CONTINUES}", None)  # this clone's own runs go on
    content = {}
    for name, data in files.items():
        place = target_of(name, environment, shared_state=shared)
        is_state = name.startswith("state/") and name.endswith(".json")
        content[place] = stack_export(data) if shared and is_state else data
    _require_own_passphrase(environment, content)
    differing = [place for place, data in content.items() if _differs(place, data)]
    conflicts = [place for place in differing if place != _passphrase_file()]
    if conflicts and not replace:
        raise _conflict(environment, conflicts)
    wanted = {place: data for place, data in content.items() if not place.exists() or place in differing}
    with ExitStack() as stack:
        if state_dir(environment).is_dir():
            stack.enter_context(Store.of(environment).lock("controller import"))
        aside = _commit(wanted, differing)
    return Restored(environment, tuple(sorted(wanted)), aside, shared)


def _declares_backend(files: Mapping[str, bytes]) -> bool:
    """Whether the environment's state is in a bucket, asked of its file as it comes."""
    if not {"environment.yaml", PASSPHRASE} <= files.keys():
        raise Altered("an export without environment file or passphrase", "both")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "environment.yaml"
        file.write_bytes(files["environment.yaml"])
        document, _ = read_document(file)
    return isinstance(document.data, dict) and bool(document.data.get("state"))


def _require_own_passphrase(environment: str, content: Mapping[Path, bytes]) -> None:
    """A passphrase belongs to a clone. Another one may take its place only while no other environment needs it."""
    root, file = project_root(), _passphrase_file()
    if not _differs(file, content[file]):
        return
    stacks = [path.stem for path in (root / ".dingli" / "pulumi" / ".pulumi" / "stacks" / "dingli").glob("*.json")]
    stacks += [path.stem.removeprefix("Pulumi.") for path in (root / "stacks").glob("Pulumi.*.yaml")]
    others = sorted({name for name in stacks if not name.startswith(f"{environment}-")})
    if others:
        raise Conflict(
            f"this clone's passphrase is another one, and {', '.join(others)} need it",
            "a clone of its own for this environment",
            "clone the repository anew, `make setup`, and import there",
        )


def _passphrase_file() -> Path:
    return project_root() / ".dingli" / "passphrase"


def _differs(place: Path, data: bytes) -> bool:
    return place.exists() and (not place.is_file() or place.read_bytes() != data)


def _conflict(environment: str, differing: list[Path]) -> Conflict:
    root = project_root()
    names = ", ".join(str(path.relative_to(root)) for path in differing[:_NAMED])
    more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
    return Conflict(
        f"this clone has something else at {names}{more}; nothing was written",
        f"a clone without a state of {environment}",
        "--replace moves what is there aside, or import into a fresh clone",
    )


def _commit(wanted: Mapping[Path, bytes], differing: list[Path]) -> Path | None:
    """Write everything under other names first; then only renames are left, which are taken back if one fails.

    The unused passphrase of a fresh clone is moved aside like anything else.
    """
    home = project_root() / ".dingli"
    home.mkdir(exist_ok=True)
    aside = home / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    staged_in = Path(tempfile.mkdtemp(prefix=".import-", dir=home))
    done: list[tuple[Path, Path | None]] = []
    made: list[Path] = []
    try:
        staged = {
            place: _stage(staged_in / str(number), place, data) for number, (place, data) in enumerate(wanted.items())
        }
        for place, draft in staged.items():
            _make_folders(place.parent, made)
            kept = None
            if place in differing:
                kept = aside / place.relative_to(project_root())
                kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                place.rename(kept)
                done.append((place, kept))
                draft.rename(place)
            else:
                draft.rename(place)
                done.append((place, None))
    except BaseException as error:
        _take_back(done, made)
        shutil.rmtree(aside, ignore_errors=True)
        if isinstance(error, OSError):
            raise ControllerError(
                f"{error.filename}: {error.strerror}; nothing was written", "a clone that can be written", "see why not"
            ) from None
        raise
    finally:
        shutil.rmtree(staged_in, ignore_errors=True)
    return aside if aside.exists() else None


def _stage(draft: Path, place: Path, data: bytes) -> Path:
    mode = 0o644 if place.suffix in _OPEN_TO_READ else 0o600
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=0o700 if ".dingli" in one.parts else 0o755)
        made.append(one)


def _take_back(done: list[tuple[Path, Path | None]], made: list[Path]) -> None:
    for place, kept in reversed(done):
        place.unlink(missing_ok=True)
        if kept is not None:
            kept.rename(place)
    for folder in reversed(made):
        folder.rmdir()
