"""One audit from beginning to end: gather on all hosts at once, keep, judge, report. And judging again, offline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime
from pathlib import Path

from testinfra.host import Host

from audit import catalogue, store, waivers
from audit.catalogue import ObjectClass
from audit.catalogue import model as catalogue_model
from audit.checks.collect import collect
from audit.exceptions import EvidenceError
from audit.judgement import engine, policy
from audit.records import ObjectEvidence, Record, sha256
from audit.report import document, render

EMULATED_NOTE = "模拟处理器"


def gather(
    hosts: Mapping[str, Host],
    sink: store.RawSink,
    environment: str,
    notes: Mapping[str, str],
    scope: Iterable[str],
    progress: Callable[[str], None],
) -> tuple[store.Index, tuple[ObjectEvidence, ...]]:
    """Examines all `hosts` at once and keeps the raw evidence in `sink`; hosts of `scope` left out are 未测评."""
    started = datetime.now(UTC)
    records: dict[str, tuple[Record, ...]] = {}
    with ThreadPoolExecutor(max(1, len(hosts)), thread_name_prefix="audit") as pool:
        running = {pool.submit(collect, name, host): name for name, host in hosts.items()}
        for done in as_completed(running):
            name = running[done]
            records[name] = done.result()
            progress(f"{name}: {len(records[name])} records")
    objects = tuple(
        store.ScopedObject(
            name=name, object_class=ObjectClass.HOST, note=notes.get(name, ""), examined=name in hosts, files={}
        )
        for name in sorted({*hosts, *scope})
    )
    index = store.Index(environment=environment, started=started, objects=objects)
    return index, store.save(sink, index, records)


def report(index: store.Index, evidence: Iterable[ObjectEvidence]) -> document.Report:
    """Judges the evidence with the catalogue, policy and waivers of this version."""
    clauses = catalogue.load()
    return document.make(
        engine.judge(evidence, clauses, policy.load()),
        clauses,
        waivers.load(index.environment, clauses),
        environment=index.environment,
        judged_at=index.started,
        catalogue_sha256=sha256(catalogue_model.FILE.read_bytes()),
        policy_sha256=sha256(policy.FILE.read_bytes()),
    )


def write(made: document.Report, folder: Path) -> dict[str, Path]:
    """Writes report.json, report.xml (JUnit) and report.html into `folder`."""
    rendered = {
        "report.json": render.as_json(made),
        "report.xml": render.as_junit(made),
        "report.html": render.as_html(made, catalogue.load()),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in rendered.items():
            (folder / name).write_bytes(data)
    except OSError as error:
        raise EvidenceError(f"{folder}: the report cannot be written: {error.strerror}") from error
    return {name: folder / name for name in rendered}


def judge_again(folder: Path) -> document.Report:
    """The report from stored evidence alone. Raises EvidenceError if the folder is not an audit's."""
    return report(*store.read(folder))
