"""From evidence to reports: judge, render, write. And judging again, offline."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audit import catalogue, signatures, store, waivers
from audit.catalogue import model as catalogue_model
from audit.exceptions import EvidenceError
from audit.judgement import engine, policy
from audit.records import ObjectEvidence, sha256
from audit.report import document, render, workbook

__all__ = ["judge_again", "report", "write"]


def report(index: store.Index, evidence: Iterable[ObjectEvidence]) -> document.Report:
    """Judges the evidence with the catalogue, policy, signatures and waivers of this version."""
    clauses = catalogue.load()
    assessment = engine.judge(
        evidence,
        clauses,
        policy.load(),
        signatures=signatures.load(index.environment),
        beginnings=index.items,
    )
    return document.make(
        assessment,
        clauses,
        waivers.load(index.environment, clauses),
        environment=index.environment,
        judged_at=index.started,
        catalogue_sha256=sha256(catalogue_model.FILE.read_bytes()),
        policy_sha256=sha256(policy.FILE.read_bytes()),
    )


def write(made: document.Report, folder: Path) -> dict[str, Path]:
    """Writes report.json, report.xml (JUnit), report.html (Chinese and English) and report.xlsx into `folder`."""
    clauses = catalogue.load()
    rendered = {
        "report.json": render.as_json(made),
        "report.xml": render.as_junit(made),
        "report.html": render.as_html(made, clauses),
        "report.xlsx": workbook.as_xlsx(made, clauses),
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
