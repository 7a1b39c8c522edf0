"""Evidence of objects that comply, as real commands printed it, to be damaged by the cases.

Where the lab itself does not comply (packet filter, kernel audit, two factors …) the output is a host's that does.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from audit.objects import DECLARED, ObjectKind, declarations
from audit.records import ObjectEvidence, Record, StoredRecord, sha256
from dingli.environment import load

FOLDER = Path(__file__).parent / "baseline"
AT = datetime(2026, 11, 21, 4, 18, 10, tzinfo=UTC)
WITH_A_SHELL = ("root", "dingli-deploy", "dingli-audit", "dingli-security")
NAMES = {
    ObjectKind.HOST: "primary-1",
    ObjectKind.ETCD: "etcd@primary-1",
    ObjectKind.JOURNAL: "journal",
    ObjectKind.CORE: "core-alpha@primary-1",
    ObjectKind.GATEWAY: "gateway-alpha@primary-2",
    ObjectKind.NETWORK: "network",
}
HOST = NAMES[ObjectKind.HOST]
_NOT_RECORDS = {"sshd", "ssh-wire", "sudo-none", "keys-dingli-audit"}


def compliant_records(kind: ObjectKind = ObjectKind.HOST) -> dict[str, Record]:
    """All records of one object of this kind, by name."""
    said = declarations(load("lab"))[NAMES[kind]][1]
    found = [_record(kind, DECLARED, json.dumps(said))]
    if kind is ObjectKind.NETWORK:
        found += _of_the_network(said)
    else:
        files = sorted((FOLDER / kind.value).iterdir())
        found += [_record(kind, file.name, _text(file)) for file in files if file.name not in _NOT_RECORDS]
    if kind is ObjectKind.HOST:
        found += _of_a_host()
    return {record.name: record for record in found}


def _of_a_host() -> list[Record]:
    """Records whose standard output is not all, or that are there once for each account."""
    kind, folder = ObjectKind.HOST, FOLDER / "host"
    refused = "bash: line 1: kill: (131) - Operation not permitted\n"
    no_radio = "ls: cannot access '/sys/class/net/*/phy80211': No such file or directory\n"
    unreachable = "bash: connect: Network is unreachable\n"
    found = [
        _record(kind, "sshd-match", "", exit_status=1),
        _record(kind, "wireless", "", exit_status=2, stderr=no_radio),
        _record(kind, "ssh-wire", "", exit_status=255, stderr=_text(folder / "ssh-wire")),
    ]
    found += [
        _record(kind, f"stop-{one}", "", exit_status=1, stderr=refused) for one in ("rsyslogd", "systemd-journald")
    ]
    found += [
        _record(kind, f"outward-{address}", "", exit_status=1, stderr=unreachable)
        for address in ("198.51.100.1", "203.0.113.1")
    ]
    for account in WITH_A_SHELL:
        for place in ("inside", "outside"):
            command = f"sshd -T -C user={account},host=h,addr=192.0.2.1"
            found.append(_record(kind, f"sshd-{place}-{account}", _text(folder / "sshd"), command=command))
        rules = "sudo-dingli-audit" if account == "dingli-audit" else "sudo-none"
        found.append(_record(kind, f"sudo-{account}", _text(folder / rules)))
        if account == "root":
            none = "ssh-keygen: /root/.ssh/authorized_keys: No such file or directory\n"
            found.append(_record(kind, f"keys-{account}", "", exit_status=255, stderr=none))
        else:
            found.append(_record(kind, f"keys-{account}", _text(folder / "keys-dingli-audit")))
    return found


def _of_the_network(said: dict[str, Any]) -> list[Record]:
    kind, found = ObjectKind.NETWORK, []
    for name, host in said["hosts"].items():
        interfaces = _text(FOLDER / "host" / "interfaces").replace("198.18.1.11", host["address"])
        gateway = host["address"].rpartition(".")[0] + ".1"
        routes = json.dumps([{"dst": "default", "gateway": gateway, "dev": "eth0"}, {"dst": "x", "dev": "eth0"}])
        found += [
            _record(kind, f"interfaces@{name}", interfaces),
            _record(kind, f"routes@{name}", routes),
            _record(kind, f"kernel-settings@{name}", _text(FOLDER / "host" / "kernel-settings")),
        ]
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _record(
    kind: ObjectKind, name: str, stdout: str, *, exit_status: int = 0, stderr: str = "", command: str = ""
) -> Record:
    return Record(
        name=name,
        host=NAMES[kind],
        command=command or name,
        exit_status=exit_status,
        started=AT,
        duration_s=0.1,
        stdout=stdout,
        stderr=stderr,
    )


def evidence(records: dict[str, Record], kind: ObjectKind = ObjectKind.HOST) -> ObjectEvidence:
    stored = {
        name: StoredRecord(file=f"raw/{NAMES[kind]}.{name}.json", sha256=sha256(record.to_bytes()), record=record)
        for name, record in records.items()
    }
    return ObjectEvidence(name=NAMES[kind], kind=kind, records=stored)


def changed(records: dict[str, Record], change: dict[str, Any]) -> dict[str, Record]:
    """The records after one change of a case. Raises AssertionError if it would change nothing."""
    if "copy" in change:
        copied = records[change["copy"]].model_copy(update={"name": change["record"]})
        return {**records, change["record"]: copied}
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
