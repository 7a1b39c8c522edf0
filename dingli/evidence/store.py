"""Where an environment's runs are kept on the controller, and the lock that lets one run at a time."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dingli.environment import state_dir
from dingli.evidence.exceptions import NoKey, RunUnderWay
from dingli.evidence.signing import ensure_key

__all__ = ["CONTINUES", "MANIFEST", "SIGNATURE", "RunFolder", "Store", "default_allowed_signers"]

MANIFEST = "manifest.json"
SIGNATURE = "manifest.json.sig"
CONTINUES = "evidence-continues.json"
_FOLDER = re.compile(r"([0-9]{6,18})-([a-z][a-z0-9-]*)-([0-9]{8}T[0-9]{6}Z)")


@dataclass(frozen=True, order=True)
class RunFolder:
    """A folder named like a run's: `000012-drill-20261121T034500Z`."""

    number: int
    kind: str
    started: str
    path: Path

    @property
    def closed(self) -> bool:
        """True once its manifest is signed."""
        return (self.path / MANIFEST).is_file() and (self.path / SIGNATURE).is_file()


@dataclass(frozen=True)
class Store:
    """`.dingli/<environment>/`, as far as evidence goes. `runs` holds the runs' folders and nothing else."""

    environment: str
    state: Path

    @classmethod
    def of(cls, environment: str) -> Store:
        """The store of an environment of this clone."""
        return cls(environment, state_dir(environment))

    @property
    def runs(self) -> Path:
        return self.state / "evidence"

    @property
    def statements(self) -> Path:
        """What witnesses answered, one JSON line each."""
        return self.state / "evidence-heads.jsonl"

    @property
    def witness_keys(self) -> Path:
        """Public keys of the witnesses, as first seen: `<host>.pub`."""
        return self.state / "evidence-witnesses"

    @property
    def continues(self) -> Path:
        """The head after which this controller took over from another one; without that there is no such file."""
        return self.state / CONTINUES

    def signing_key(self) -> Path:
        """The operator's key; made on first use."""
        return ensure_key(self._secret("evidence_key"), f"evidence of {self.environment}")

    def login_key(self) -> Path:
        """The key that opens nothing but the witnesses' one command; made on first use."""
        return ensure_key(self._secret("witness_login_key"), f"witness login of {self.environment}")

    def known_signing_key(self) -> Path:
        """The operator's key. Raises NoKey where none was made: who only looks must not make one."""
        return self._known("evidence_key")

    def known_login_key(self) -> Path:
        """The witnesses' login key. Raises NoKey where none was made."""
        return self._known("witness_login_key")

    def _secret(self, name: str) -> Path:
        return self.state / "secrets" / name

    def _known(self, name: str) -> Path:
        file = self._secret(name)
        if not file.is_file():
            raise NoKey(
                f"this clone has no {file.name} of {self.environment}",
                "the key that the controller made at its first run",
                "ask at the controller, or bring it here with `dingli controller import`",
            )
        return file

    def folders(self) -> list[RunFolder]:
        """All runs, by number."""
        found = self.runs.iterdir() if self.runs.is_dir() else iter(())
        matches = [(path, _FOLDER.fullmatch(path.name)) for path in found if path.is_dir() and not path.is_symlink()]
        return sorted(RunFolder(int(match[1]), match[2], match[3], path) for path, match in matches if match)

    def strangers(self) -> list[Path]:
        """What stands among the runs and is none."""
        known = {folder.path for folder in self.folders()}
        return sorted(path for path in self.runs.iterdir() if path not in known) if self.runs.is_dir() else []

    def new_folder(self, number: int, kind: str, started: datetime) -> RunFolder:
        """Make the folder of a new run."""
        stamp = started.strftime("%Y%m%dT%H%M%SZ")
        path = self.runs / f"{number:06d}-{kind}-{stamp}"
        (path / "raw").mkdir(parents=True, mode=0o755)
        return RunFolder(number, kind, stamp, path)

    @contextmanager
    def lock(self, what: str) -> Iterator[None]:
        """Hold the environment's evidence. Raises RunUnderWay, naming the holder, if another run has it."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "evidence.lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "someone"
                raise RunUnderWay(
                    f"a run of {self.environment} is under way: {holder}", "no other run", "wait for it, or end it"
                ) from None
            file.truncate(0)
            file.write(json.dumps({"run": what, "pid": os.getpid()}))
            file.flush()
            yield
            file.truncate(0)

    def run_under_way(self) -> bool:
        """True while a run holds the lock."""
        return is_locked(self.state / "evidence.lock")


def is_locked(file: Path) -> bool:
    """True while a process holds the file's lock."""
    try:
        with file.open("r") as opened:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def default_allowed_signers(environment: str) -> Path:
    """Outside every clone: `~/.config/dingli/<environment>.allowed_signers`."""
    config = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return config / "dingli" / f"{environment}.allowed_signers"
