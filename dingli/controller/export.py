"""Making an export, as a file or as copies at other sites."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dingli.controller import copies
from dingli.controller.contents import gather
from dingli.controller.copies import CopyOutcome
from dingli.controller.envelope import seal
from dingli.controller.exceptions import ControllerError, NoRecoveryKey
from dingli.controller.recovery import default_folder, has_maker, maker_of
from dingli.environment import Environment, state_dir
from dingli.evidence.run import operator
from dingli.exceptions import DingliError
from dingli.stacks.engine import Engine
from dingli.stacks.locks import locks_of
from dingli.stacks.names import StackName

__all__ = ["CarriedAway", "carry_away", "export", "write_export"]


@dataclass(frozen=True)
class CarriedAway:
    """What became of an export's copies; `reason` says why there is none."""

    copies: tuple[CopyOutcome, ...] = ()
    reason: str = ""

    @property
    def ok(self) -> bool:
        """True if every site has its copy."""
        return not self.reason and all(not copy.trouble for copy in self.copies)

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        return {"ok": self.ok, "reason": self.reason, "copies": [copy.plain() for copy in self.copies]}


def export(environment: Environment) -> bytes:
    """Everything of this controller, sealed. Raises ControllerError while the engine is at work on a stack."""
    maker = maker_of(environment)
    engine = Engine(environment, lambda site, message: None)
    engine.backend.require()
    for site in environment.sites:
        for lock in locks_of(engine.backend, str(StackName(environment.name, site))):
            reason = lock.why_kept()
            if reason is not None:
                raise ControllerError(
                    f"the stack of {site} is being worked on: {reason}",
                    "a state at rest",
                    "wait for it, and export again",
                )
    files = gather(environment, engine.backend, engine.passphrase_file)
    return seal(files, environment.name, datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), operator(), maker)


def write_export(data: bytes, file: Path) -> None:
    """Mode 0600, whole or not at all. Raises ControllerError."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            output.write(data)
            output.flush()
            os.fsync(output.fileno())
        draft.rename(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ControllerError(f"{file}: {error.strerror}", "a file that can be written", "choose another") from None


def carry_away(environment: Environment, say: Callable[[str], None]) -> CarriedAway:
    """An export to a host of each of two other sites, after a run. Trouble is told, and does not fail the run."""
    if not (state_dir(environment.name) / "known_hosts").exists():
        return CarriedAway(reason="no host was adopted yet")
    known = has_maker(environment.name)
    try:
        found = CarriedAway(tuple(copies.send(environment, export(environment))))
    except NoRecoveryKey as error:
        found = CarriedAway(reason=f"{error.found}: {error.remedy}")
    except DingliError as error:
        found = CarriedAway(reason=error.found)
    if not known and has_maker(environment.name):
        say(f"controller: a recovery key was made in {default_folder()}; it opens the copies: keep it elsewhere")
    if found.reason:
        say(f"controller: NO COPY at other sites: {found.reason}")
    for copy in found.copies:
        say(f"controller: {copy.host}: {f'NO COPY: {copy.trouble}' if copy.trouble else 'has a copy'}")
    return found
