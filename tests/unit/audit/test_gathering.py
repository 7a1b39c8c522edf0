"""Every record reaches the objects that it is about; a host that did not answer is an error on all of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from audit import catalogue
from audit.gathering import shared, with_declaration
from audit.judgement import engine, policy
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind, declarations
from audit.records import ObjectEvidence, Record, StoredRecord, sha256
from dingli.environment import load
from tests.unit.audit import baseline

ENVIRONMENT = load("lab")
SCOPE = declarations(ENVIRONMENT)
Found = dict[str, tuple[Record, ...]]


def as_gathered(name: str, prefix: str, record: Record) -> Record:
    return record.model_copy(update={"host": name, "name": prefix + record.name})


def found() -> Found:
    """What hosts and probes of the whole lab answer, all of them compliant."""
    answers: Found = {}
    journal = baseline.compliant_records(ObjectKind.JOURNAL)
    network = baseline.compliant_records(ObjectKind.NETWORK)
    for name, (kind, _) in SCOPE.items():
        if kind not in (ObjectKind.HOST, ObjectKind.ETCD, ObjectKind.CORE, ObjectKind.GATEWAY):
            continue
        own = [one for one in baseline.compliant_records(kind).values() if one.name != "declared"]
        if kind is ObjectKind.ETCD:
            own = [one for one in own if one.name != "data"]
        if kind is ObjectKind.HOST:
            own = [one for one in own if f"{one.name}@{name}" not in network]
            own += [network[f"{what}@{name}"].model_copy(update={"name": what}) for what in ("interfaces", "routes")]
            own.append(network[f"kernel-settings@{name}"].model_copy(update={"name": "kernel-settings"}))
        answers[name] = tuple(as_gathered(name, "", one) for one in own)
    for member in ENVIRONMENT.journal.members:
        said = [as_gathered(member, "etcd.", one) for one in journal.values() if "@" not in one.name]
        status = journal[f"status@{member}"].model_copy(update={"host": member, "name": "etcd.status"})
        data = as_gathered(member, "etcd.", baseline.compliant_records(ObjectKind.ETCD)["data"])
        answers[member] += (*[one for one in said if one.name != "etcd.declared"], status, data)
    return answers


def verdicts(answers: Found) -> dict[tuple[str, str], Verdict]:
    """Verdict by object and item."""
    evidence = []
    for name, (kind, said) in SCOPE.items():
        own = shared(name, kind, said, answers)
        records = with_declaration(name, said, own, datetime(2026, 11, 21, 4, 18, tzinfo=UTC), "lab")
        assert {one.host for one in records} == {name}
        assert len({one.name for one in records}) == len(records)
        stored = {one.name: StoredRecord(file=one.name, sha256=sha256(one.to_bytes()), record=one) for one in records}
        evidence.append(ObjectEvidence(name=name, kind=kind, records=stored))
    rows = engine.judge(evidence, catalogue.load(), policy.load()).objects
    return {(row.object, row.item): row.verdict for row in rows if row.kind is not None}


def test_every_object_gets_what_it_is_judged_by() -> None:
    assert Verdict.ERROR not in verdicts(found()).values()


@pytest.mark.parametrize("trouble", ["gather", "facts"])
def test_a_host_that_did_not_answer_is_an_error_on_all_that_rests_on_it(trouble: str) -> None:
    answers = found()
    failed = answers["dr-1"][0].model_copy(update={"name": trouble, "exit_status": 255, "stderr": "refused"})
    answers["dr-1"] = (failed,)
    result = verdicts(answers)
    errors = {name for (name, _), verdict in result.items() if verdict is Verdict.ERROR}
    assert errors == {"dr-1", "etcd@dr-1", "journal", "network"}
    assert {verdict for (name, _), verdict in result.items() if name == "dr-1"} == {Verdict.ERROR}
    assert result["journal", "8.1.4.9.b"] is Verdict.ERROR
    assert result["journal", "8.1.4.2.f"] is Verdict.COMPLIANT  # another member told


def test_users_are_asked_of_a_member_that_answers() -> None:
    answers = found()
    answers["primary-1"] = tuple(
        one.model_copy(update={"exit_status": 1, "stdout": "", "stderr": "context deadline exceeded"})
        if one.name.startswith("etcd.") and one.name != "etcd.data"
        else one
        for one in answers["primary-1"]
    )
    result = verdicts(answers)
    assert result["journal", "8.1.4.1.a"] is Verdict.COMPLIANT
    assert result["journal", "8.1.4.9.b"] is Verdict.PARTIAL
    assert result["journal", "8.1.4.9.c"] is Verdict.NONCOMPLIANT
