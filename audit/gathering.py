"""Gathers the evidence of a whole environment at once, and gives every record to the objects that it is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from testinfra.host import Host

from audit import store
from audit.checks.collect import collect
from audit.checks.reach import reach
from audit.checks.services import try_service
from audit.exceptions import EvidenceError
from audit.judgement import readings
from audit.objects import DECLARED, ObjectKind, declarations
from audit.records import ObjectEvidence, Record, StoredRecord
from dingli.environment import Environment

__all__ = ["EMULATED_NOTE", "gather", "listening", "with_declaration"]

EMULATED_NOTE = "模拟处理器 / emulated"
_ETCD = "etcd."
_OF_THE_CLUSTER = ("auth", "members", "alarms", "users", "user-", "roles", "role-")
_OF_THE_NETWORK = ("interfaces", "routes", "kernel-settings")
_TROUBLE = ("gather", "facts")
Progress = Callable[[str], None]
Found = dict[str, tuple[Record, ...]]


def gather(
    environment: Environment,
    hosts: Mapping[str, Host],
    ca: Path,
    add_raw: store.AddRaw,
    progress: Progress,
    *,
    items: Iterable[str] = (),
) -> tuple[store.Index, tuple[ObjectEvidence, ...]]:
    """Examines all `hosts` and what runs on them at once, and keeps the raw evidence.

    Objects of hosts that were left out are 未测评; so are journal and network unless all they rest on was examined.
    """
    started = datetime.now(UTC)
    scope = declarations(environment)
    examined = {name for name, (kind, said) in scope.items() if _chosen(kind, said, hosts)}
    found = _everything(scope, examined, hosts, ca, progress)
    objects, records = [], Found()
    for name, (kind, said) in scope.items():
        note = EMULATED_NOTE if "host" in said and environment.hosts[said["host"]].emulated else ""
        objects.append(store.ScopedObject(name=name, kind=kind, note=note, examined=name in examined, files={}))
        if name in examined:
            own = shared(name, kind, said, found)
            records[name] = with_declaration(name, said, own, started, environment.name)
    index = store.Index(environment=environment.name, started=started, objects=tuple(objects), items=tuple(items))
    return index, store.save(add_raw, index, records)


def _chosen(kind: ObjectKind, said: Mapping[str, Any], hosts: Mapping[str, Host]) -> bool:
    if kind is ObjectKind.JOURNAL:
        return all(name in hosts for name in said["members"])
    if kind is ObjectKind.NETWORK:
        return all(name in hosts for name in said["hosts"])
    return said["host"] in hosts


def _everything(
    scope: Mapping[str, tuple[ObjectKind, dict[str, Any]]],
    examined: set[str],
    hosts: Mapping[str, Host],
    ca: Path,
    progress: Progress,
) -> Found:
    """Records of hosts and services, by object, as they come."""
    services = {ObjectKind.ETCD, ObjectKind.CORE, ObjectKind.GATEWAY}
    running: dict[Future[tuple[Record, ...]], str] = {}
    with ThreadPoolExecutor(max(1, len(examined)), thread_name_prefix="audit") as pool:
        for name, (kind, said) in scope.items():
            if name in examined and kind is ObjectKind.HOST:
                running[pool.submit(_host, name, hosts[name], said)] = name
            elif name in examined and kind in services:
                running[pool.submit(try_service, name, kind, said, ca)] = name
        found = Found()
        for number, done in enumerate(as_completed(running), 1):
            name = running[done]
            found[name] = done.result()
            progress(f"[{number}/{len(running)}] {name}: {len(found[name])} records")
    return found


def _host(name: str, host: Host, said: Mapping[str, Any]) -> tuple[Record, ...]:
    records = collect(name, host)
    return (*records, reach(name, said["address"], [22, *map(int, said["ports"]), *listening(records)]))


def listening(records: Iterable[Record]) -> set[int]:
    """TCP ports that the host says it listens on; none if it did not answer, which is noticed elsewhere."""
    held = {one.name: StoredRecord(file=one.name, sha256="", record=one) for one in records if one.name == "listeners"}
    evidence = ObjectEvidence(name="host", kind=ObjectKind.HOST, records=held)
    try:
        return {one.port for one in readings.listeners(evidence) if one.protocol == "tcp"}
    except EvidenceError:
        return set()


def with_declaration(
    name: str, said: Mapping[str, Any], records: Iterable[Record], at: datetime, environment: str
) -> tuple[Record, ...]:
    """The records, and what the environment's file declares, which is judged against."""
    declared = Record(
        name=DECLARED,
        host=name,
        command=f"<declared in the file of environment {environment}>",
        exit_status=0,
        started=at,
        duration_s=0.0,
        stdout=json.dumps(said, indent=1, sort_keys=True) + "\n",
        stderr="",
    )
    return (declared, *records)


def shared(name: str, kind: ObjectKind, said: Mapping[str, Any], found: Found) -> tuple[Record, ...]:
    """An object's own records and those that a host gathered for it."""
    if kind is ObjectKind.HOST:
        return tuple(record for record in found[name] if not record.name.startswith(_ETCD))
    if kind is ObjectKind.ETCD:
        return (*found[name], *_of_member(name, said["host"], found))
    if kind is ObjectKind.JOURNAL:
        return _of_cluster(name, list(said["members"]), found)
    if kind is ObjectKind.NETWORK:
        return tuple(
            _given(record, name, f"{record.name}@{host}")
            for host in said["hosts"]
            for record in found[host]
            if record.name in _OF_THE_NETWORK
        )
    return found[name]


def _of_member(name: str, host: str, found: Found) -> tuple[Record, ...]:
    """What the host said about its etcd; a host that did not answer leaves its trouble here too."""
    return tuple(
        _given(record, name, record.name.removeprefix(_ETCD) if record.name.startswith(_ETCD) else "trouble")
        for record in found[host]
        if record.name in _TROUBLE or (record.name.startswith(_ETCD) and not _of_cluster_or_status(record.name))
    )


def _of_cluster_or_status(record: str) -> bool:
    return record.removeprefix(_ETCD).startswith((*_OF_THE_CLUSTER, "status"))


def _of_cluster(name: str, members: list[str], found: Found) -> tuple[Record, ...]:
    """Users, roles and members as the first member says that answers; every member's own status."""
    answers = {
        member: {r.name.removeprefix(_ETCD): r for r in found[member] if r.name.startswith(_ETCD)} for member in members
    }
    speaker = next((m for m in members if "auth" in answers[m] and answers[m]["auth"].exit_status == 0), members[0])
    records = [_given(r, name, key) for key, r in answers[speaker].items() if key.startswith(_OF_THE_CLUSTER)]
    records += [_given(answers[m]["status"], name, f"status@{m}") for m in members if "status" in answers[m]]
    return tuple(records)


def _given(record: Record, owner: str, name: str) -> Record:
    return record.model_copy(update={"host": owner, "name": name})
