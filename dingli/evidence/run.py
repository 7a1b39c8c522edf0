"""A run: an up, a drill, a load test or an audit, and the folder it leaves behind."""

from __future__ import annotations

import getpass
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from dingli.environment import Environment
from dingli.evidence import manifest, report, witness
from dingli.evidence.exceptions import EvidenceError, SecretInEvidence
from dingli.evidence.manifest import Head, Manifest, Result
from dingli.evidence.redaction import contains_secret, require_no_secret
from dingli.evidence.store import MANIFEST, SIGNATURE, RunFolder, Store

__all__ = ["Run", "run"]

RECORD = "record.jsonl"
REPORT_JSON, REPORT_HTML = "report.json", "report.html"
_WITHHELD = b"withheld: this file contained a registered secret\n"


class Run:
    """An open run. Set `result` before the end; a run that does not say ends as unknown."""

    def __init__(self, folder: RunFolder, title: str) -> None:
        self.folder = folder.path
        self.number = folder.number
        self.title = title
        self.result: Result | None = None
        self._began = time.monotonic()
        self._record = (folder.path / RECORD).open("ab")

    @property
    def raw(self) -> Path:
        """For tools that write their outputs themselves; what they leave is searched for secrets at the end."""
        return self.folder / "raw"

    def event(self, name: str, /, **data: Any) -> None:
        """Record that something happened; on disk before this returns. `data` must be JSON."""
        elapsed_s = round(time.monotonic() - self._began, 6)
        line = dict(at=_now().isoformat(), t=elapsed_s, event=name, **data)  # these three keys are not for `data`
        encoded = json.dumps(line, ensure_ascii=False, default=str).encode()
        require_no_secret(f"event {name!r}", encoded)
        self._record.write(encoded + b"\n")
        self._record.flush()
        os.fsync(self._record.fileno())

    def add_raw(self, name: str, data: bytes | str) -> Path:
        """Keep a raw output as `raw/<name>`; raises EvidenceError for a name that is taken or leads elsewhere."""
        content = data.encode() if isinstance(data, str) else data
        pure = PurePosixPath(name)
        target = self.raw / pure
        if pure.is_absolute() or ".." in pure.parts or not pure.parts:
            raise EvidenceError(f"the name {name!r}", "a relative path inside raw/", "choose another name")
        if target.exists():
            raise EvidenceError(f"raw/{name} a second time", "each name once", "number the outputs")
        require_no_secret(f"raw/{name}", content)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return target

    def report(self, data: dict[str, Any], html: str) -> None:
        """The run's own report.json and report.html, in place of the plain ones."""
        encoded = (json.dumps(data, ensure_ascii=False, indent=2, default=str) + "\n").encode()
        for name, content in ((REPORT_JSON, encoded), (REPORT_HTML, html.encode())):
            require_no_secret(name, content)
            (self.folder / name).write_bytes(content)

    def end_record(self) -> None:
        """Close record.jsonl."""
        self._record.close()


@contextmanager
def run(environment: Environment, kind: str, title: str, *, store: Store | None = None) -> Iterator[Run]:
    """Open a run, and close it whatever happens: `with evidence.run(env, kind="drill", title="…") as run:`.

    Raises RunUnderWay if there is one. Runs that were killed are closed first, as interrupted. An exception ends the
    run as failed (Ctrl-C: interrupted) and goes on. At the end the head is sent to the witnesses; one that cannot be
    reached gets it after a later run.
    """
    kept = store or Store.of(environment.name)
    with kept.lock(f"{kind}: {title}"):
        kept.login_key()  # the role that prepares witnesses needs its public half
        previous = _close_left_open(kept)
        started = _now()
        folder = kept.new_folder(previous.number + 1 if previous else 1, kind, started)
        opened = Run(folder, title)
        opened.event("run-started", environment=environment.name, kind=kind, title=title, who=operator())
        try:
            yield opened
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt | SystemExit | GeneratorExit)
            opened.result = Result.INTERRUPTED if stopped else Result.FAILED
            _record_exception(opened, error)
            raise
        finally:
            withheld = _end(kept, folder, opened, started, previous)
            show_troubles(witness.countersign(environment, kept))
        if withheld:
            raise SecretInEvidence(
                f"run {folder.number}: a registered secret was in {', '.join(withheld)}; the files were withheld",
                "outputs without secrets",
                "leave the secret out where these files are made",
            )


def show_troubles(answers: list[witness.Answer]) -> None:
    """On screen, because a head that nobody else holds proves nothing."""
    for one in answers:
        if one.statement is None:
            found = f"evidence: {one.witness} did not countersign this run: {one.trouble}"
            print(f"{found}; it gets the head after a later run", file=sys.stderr)


def _record_exception(opened: Run, error: BaseException) -> None:
    message = str(error)
    if contains_secret(message.encode()):
        message = "withheld: it contained a registered secret"
    opened.event("exception", type=type(error).__name__, message=message)


def _end(store: Store, folder: RunFolder, opened: Run, started: datetime, previous: Head | None) -> list[str]:
    result = opened.result or Result.UNKNOWN
    withheld = _withhold(folder.path)
    if withheld:
        opened.event("withheld", files=withheld)
        result = Result.FAILED if result is Result.PASSED else result
    opened.event("run-ended", result=result.value)
    opened.end_record()
    facts = {
        "environment": store.environment,
        "number": folder.number,
        "kind": folder.kind,
        "title": opened.title,
        "started": started.isoformat(),
        "ended": _now().isoformat(),
        "who": operator(),
        "result": result,
    }
    _close(store, folder, facts, previous)
    return withheld


def _withhold(folder: Path) -> list[str]:
    """Files that others wrote here and that hold a secret lose their content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    found = [path for path in files if contains_secret(path.read_bytes())]
    for path in found:
        path.write_bytes(_WITHHELD)
    return [path.relative_to(folder).as_posix() for path in found]


def _close_left_open(store: Store) -> Head | None:
    """Close runs that were killed, and give the last head."""
    previous: Head | None = manifest.continued_from(store)
    for folder in store.folders():
        if not folder.closed:
            _close_interrupted(store, folder, previous)
        if previous is None or folder.number >= previous.number:
            previous = manifest.head_of(folder)
    return previous


def _close_interrupted(store: Store, folder: RunFolder, previous: Head | None) -> None:
    (folder.path / MANIFEST).unlink(missing_ok=True)
    (folder.path / SIGNATURE).unlink(missing_ok=True)
    record = folder.path / RECORD
    begun = record.read_bytes() if record.exists() else b""
    first = _events(record)[:1]
    with record.open("ab") as file:
        line = {"at": _now().isoformat(), "event": "closed-as-interrupted", "who": operator()}
        file.write((b"" if begun.endswith(b"\n") or not begun else b"\n") + json.dumps(line).encode() + b"\n")
    _withhold(folder.path)
    opening = first[0] if first else {}
    facts = {
        "environment": store.environment,
        "number": folder.number,
        "kind": folder.kind,
        "title": _text(opening.get("title", "")),
        "started": datetime.strptime(folder.started, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).isoformat(),
        "ended": _now().isoformat(),
        "who": _text(opening.get("who", "unknown")),
        "result": Result.INTERRUPTED,
    }
    _close(store, folder, facts, previous)


def _close(store: Store, folder: RunFolder, facts: dict[str, Any], previous: Head | None) -> None:
    if not (folder.path / REPORT_JSON).exists():
        (folder.path / REPORT_JSON).write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8")
    if not (folder.path / REPORT_HTML).exists():
        page = report.as_html(facts, _events(folder.path / RECORD))
        (folder.path / REPORT_HTML).write_text(page, "utf-8", errors="backslashreplace")
    files = manifest.files_of(folder.path)
    manifest.close(store, folder, Manifest(**facts, previous=previous, files=files))


def _events(record: Path) -> list[dict[str, Any]]:
    """The events of a record; a line that a kill cut off, or a disk spoiled, is left out."""
    found: list[dict[str, Any]] = []
    for line in record.read_bytes().splitlines() if record.exists() else []:
        try:
            event = json.loads(line)
            repr([[[[[[[[event]]]]]]]])  # nested more deeply than a page can show it
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            found.append(event)
    return found


def _text(value: object) -> str:
    """What a record says, as text that can be stored: JSON can write what is no character."""
    return str(value).encode(errors="backslashreplace").decode()


def _now() -> datetime:
    return datetime.now(UTC)


def operator() -> str:
    """Who runs this, and on which machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
