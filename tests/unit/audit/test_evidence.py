"""Raw evidence: cut off, mixed or altered, it is an error; whole, it judges offline to the same result."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import catalogue, store
from audit.checks import framing
from audit.exceptions import EvidenceError
from audit.judgement import engine, policy
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind
from audit.records import sha256
from tests.unit.audit import baseline

TEXTS = st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), min_size=1, max_size=4)


def stream(outputs: list[tuple[str, str]]) -> bytes:
    """What gather.sh prints for commands with these outputs."""
    framed = b""
    for number, (out, err) in enumerate(outputs):
        parts = [b"a command", out.encode(), err.encode()]
        lengths = " ".join(str(len(part)) for part in parts)
        framed += f"#record r{number} 0 1795233194.5 1795233194.75 {lengths}\n".encode() + b"\n".join(parts) + b"\n"
    return framed + f"#end {len(outputs)}\n".encode()


@given(TEXTS)
def test_any_text_comes_through_unchanged(outputs: list[tuple[str, str]]) -> None:
    records = [framed.record("h") for framed in framing.split(stream(outputs), "h")]
    assert [(record.stdout, record.stderr) for record in records] == outputs


@given(TEXTS, st.data())
def test_any_cut_is_noticed(outputs: list[tuple[str, str]], data: st.DataObject) -> None:
    whole = stream(outputs)
    length = data.draw(st.integers(0, len(whole) - 2))  # the last newline carries nothing
    with pytest.raises(EvidenceError):
        framing.split(whole[:length], "h")


def test_text_before_the_first_record_is_noticed() -> None:
    with pytest.raises(EvidenceError, match="mixed with other text"):
        framing.split(b"Welcome to Debian!\n" + stream([("a", "")]), "h")


def test_a_forged_end_inside_an_output_is_only_text() -> None:
    (record,) = framing.split(stream([("#end 0\n", "")]), "h")
    assert record.stdout == b"#end 0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An audit's folder with one compliant host."""
    scope = (store.ScopedObject(name=baseline.HOST, kind=ObjectKind.HOST, files={}),)
    index = store.Index(environment="nowhere", started=baseline.AT, objects=scope)
    (tmp_path / store.RAW).mkdir()

    def add_raw(name: str, data: bytes) -> None:
        (tmp_path / store.RAW / name).write_bytes(data)

    store.save(add_raw, index, {baseline.HOST: tuple(baseline.compliant_records().values())})
    return tmp_path


BEFORE = {"8.1.4.1.a": Verdict.COMPLIANT, "8.1.4.1.c": Verdict.COMPLIANT, "8.1.4.1.d": Verdict.NEEDS_PERSON}


def verdicts(folder: Path) -> dict[str, Verdict]:
    _, evidence = store.read(folder)
    return {item.item: item.verdict for item in engine.judge(evidence, catalogue.load(), policy.load()).items}


def test_stored_evidence_judges_as_it_did(folder: Path) -> None:
    found = verdicts(folder)
    assert found == {**found, **BEFORE}
    assert Verdict.ERROR not in found.values()


def test_an_altered_file_is_an_error_for_what_rests_on_it(folder: Path) -> None:
    file = folder / "raw" / f"{baseline.HOST}.listeners.json"
    file.write_text(file.read_text(encoding="utf-8").replace(":22 ", ":24 "), encoding="utf-8")
    errors = {item for item, verdict in verdicts(folder).items() if verdict is Verdict.ERROR}
    assert errors == {"8.1.4.1.c", "8.1.4.2.a", "8.1.4.3.c", "8.1.4.4.b"}


def test_a_deleted_file_is_an_error(folder: Path) -> None:
    (folder / "raw" / f"{baseline.HOST}.credential-probe.json").unlink()
    assert verdicts(folder)["8.1.4.1.b"] is Verdict.ERROR


def test_a_record_in_place_of_another_is_an_error(folder: Path) -> None:
    index = folder / "raw" / store.INDEX
    names = [f"{baseline.HOST}.{name}.json" for name in ("sshd-outside-root", "sshd-outside-dingli-deploy")]
    root, other = (folder / "raw" / name for name in names)
    data = other.read_bytes()
    text = index.read_text(encoding="utf-8").replace(sha256(root.read_bytes()), sha256(data))
    root.write_bytes(data)
    index.write_text(text, encoding="utf-8")
    assert verdicts(folder)["8.1.4.2.b"] is Verdict.ERROR


def test_evidence_of_the_first_audits_can_still_be_read(folder: Path) -> None:
    index = folder / "raw" / store.INDEX
    index.write_text(index.read_text(encoding="utf-8").replace('"kind"', '"object_class"'), encoding="utf-8")
    assert verdicts(folder)["8.1.4.1.a"] is Verdict.COMPLIANT


def test_a_record_cannot_choose_a_file_elsewhere() -> None:
    evil = stream([("a", "")]).replace(b"#record r0 ", b"#record ../../r0 ")
    with pytest.raises(EvidenceError, match="mixed with other text"):
        framing.split(evil, "h")


def test_a_folder_that_is_no_audit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="the folder of an audit"):
        store.read(tmp_path)
