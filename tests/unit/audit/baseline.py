"""Evidence of a host that complies with all four items, as real commands printed it, to be damaged by the cases."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from audit.catalogue import ObjectClass
from audit.records import ObjectEvidence, Record, StoredRecord, sha256

FOLDER = Path(__file__).parent / "baseline"
HOST = "host-1"
AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
WITH_A_SHELL = ("root", "dingli-deploy", "dingli-audit")


def compliant_records() -> dict[str, Record]:
    """All records of one host by name."""
    plain = (
        "accounts",
        "password-states",
        "login-defs",
        "faillock-conf",
        "listeners",
        "idle-timeout",
        "credential-probe",
    )
    found = [_record(name, (FOLDER / name).read_text(encoding="utf-8")) for name in plain]
    found.append(_record("sshd-match", "", exit_status=1))
    found.append(_record("ssh-wire", "", exit_status=255, stderr=(FOLDER / "ssh-wire").read_text(encoding="utf-8")))
    settings = (FOLDER / "sshd").read_text(encoding="utf-8")
    for account in WITH_A_SHELL:
        for place in ("inside", "outside"):
            command = f"sudo -n /usr/sbin/sshd -T -C user={account},host=h,addr=192.0.2.1"
            found.append(_record(f"sshd-{place}-{account}", settings, command=command))
    return {record.name: record for record in found}


def _record(name: str, stdout: str, *, exit_status: int = 0, stderr: str = "", command: str = "") -> Record:
    return Record(
        name=name,
        host=HOST,
        command=command or name,
        exit_status=exit_status,
        started=AT,
        duration_s=0.1,
        stdout=stdout,
        stderr=stderr,
    )


def evidence(records: dict[str, Record]) -> ObjectEvidence:
    stored = {
        name: StoredRecord(file=f"raw/{HOST}.{name}.json", sha256=sha256(record.to_bytes()), record=record)
        for name, record in records.items()
    }
    return ObjectEvidence(name=HOST, object_class=ObjectClass.HOST, records=stored)


def changed(records: dict[str, Record], change: dict[str, Any]) -> dict[str, Record]:
    """The records after one change of a case. Raises AssertionError if it would change nothing."""
    names = [name for name in records if fnmatchcase(name, change["record"])]
    assert names, f"the baseline has no record {change['record']}"
    result = dict(records)
    for name in names:
        if change.get("missing"):
            del result[name]
            continue
        result[name] = _changed(records[name], change)
        assert result[name] != records[name], f"the case does not change {name}"
    return result


def _changed(record: Record, change: dict[str, Any]) -> Record:
    update = {key: value for key, value in change.items() if key in ("exit_status", "stdout", "stderr", "command")}
    if "replace" in change:
        field = "stderr" if record.name == "ssh-wire" else "stdout"
        update[field] = re.sub(change["replace"]["pattern"], change["replace"]["with"], getattr(record, field))
    if "append" in change:
        update["stdout"] = record.stdout + change["append"]
    return record.model_copy(update=update)
