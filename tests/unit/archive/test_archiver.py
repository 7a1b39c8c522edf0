"""Closed segments reach the bucket once, whoever writes them and wherever they are ended; what is altered is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from dingli.archive import (
    ArchiveError,
    Bucket,
    BucketTrouble,
    Chain,
    Journal,
    Outcome,
    archive_closed,
    journals,
    pack,
    read_chain,
    unpack,
)
from dingli.archive.fetching import fetch
from dingli.archive.looks import as_lines, forgotten
from dingli.archive.reading import whole_journal
from dingli.archive.segment import NOTHING_BEFORE
from dingli.environment import Archive
from dingli.evidence import contains_secret
from dingli.exceptions import SetupError
from tests.unit.archive.conftest import entries_of, journal_of

SIZE = 10
pytestmark = pytest.mark.slow  # an S3 service, and several hundred requests to it


def archive(bucket: Bucket, entries: list[bytes], size: int = SIZE) -> Outcome:
    return archive_closed(bucket, "lab", journal_of(entries), size)


def chain_of(bucket: Bucket) -> Chain:
    (name,) = known = journals(bucket, "lab", "alpha")
    return read_chain(bucket, name, "alpha", known[name])


def stored(bucket: Bucket, chain: Chain) -> list[bytes]:
    return [entry for link in chain.links for entry in unpack(bucket.read(link.version)).entries]


def of_another_beginning(entries: list[bytes]) -> list[bytes]:
    """The reference's streams all begin with the same entry; journals do not, nor at the same time."""
    return [one[:40] + (2 * 10**18 + n).to_bytes(8, "big") + one[48:] for n, one in enumerate(entries)]


@pytest.fixture
def intruder(settings: Callable[[], Archive]) -> Any:
    """Somebody with the archiver's own credentials."""
    return boto3.client("s3", endpoint_url=settings().endpoint, region_name="us-east-1")


def test_only_closed_segments_are_archived_and_later_runs_go_on(bucket: Bucket, entries: list[bytes]) -> None:
    growing = entries[:25]
    first = archive(bucket, growing)
    assert (first.last, first.written, first.doubts) == (20, 2, ())
    assert archive(bucket, growing).written == 0
    growing += entries[25:47]
    again = archive(bucket, growing)
    assert (again.last, again.written) == (40, 2)
    chain = chain_of(bucket)
    assert (chain.last, chain.sum, chain.whole, chain.findings) == (40, again.sum, True, [])
    assert stored(bucket, chain) == entries[:40]


def test_who_goes_on_looks_only_at_what_it_ended_with(
    bucket: Bucket, settings: Callable[[], Archive], entries: list[bytes]
) -> None:
    class Unlisted(Bucket):
        def versions(self, prefix: str) -> Any:
            assert prefix.endswith(".segment"), "it listed the bucket"
            return super().versions(prefix)

    first = archive(bucket, entries[:30])
    unlisted = Unlisted(settings())
    second = archive_closed(unlisted, "lab", journal_of(entries[:50]), SIZE, before=first)
    assert (second.last, second.written) == (50, 2)
    assert archive_closed(unlisted, "lab", journal_of(entries[:50]), SIZE, before=second).written == 0
    others = of_another_beginning(entries_of(9, 60))
    assert archive_closed(bucket, "lab", journal_of(others), SIZE, before=second).journal != second.journal


def test_an_open_segment_is_not_read_to_see_that_it_is_open(bucket: Bucket, entries: list[bytes]) -> None:
    read: list[tuple[int, int]] = []
    journal = journal_of(entries[:19])

    class Watched(Journal):
        def read(self, first: int, last: int) -> list[bytes]:
            read.append((first, last))
            return journal.read(first, last)

    archive_closed(bucket, "lab", Watched("alpha", lambda first, last: ""), SIZE)
    assert read == [(1, 1), (10, 10), (1, 10), (11, 20), (20, 20)]
    read.clear()
    archive_closed(bucket, "lab", Watched("alpha", lambda first, last: ""), SIZE)
    assert read == [(10, 10), (20, 20)]


def test_every_segment_is_locked_for_the_declared_days(bucket: Bucket, entries: list[bytes]) -> None:
    archive(bucket, entries)
    until = datetime.now(UTC) + timedelta(days=30)
    for link in chain_of(bucket).links:
        locked = bucket.locked_until(link.version)
        assert locked is not None
        assert abs(locked - until) < timedelta(minutes=5)


def test_a_lock_that_ended_is_told(bucket: Bucket, intruder: Any, entries: list[bytes]) -> None:
    """By its time, or by a service that lets it be shortened."""
    archive(bucket, entries)
    version = chain_of(bucket).links[2].version
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) - timedelta(seconds=1)}
    intruder.put_object_retention(Bucket=bucket.name, Key=version.key, VersionId=version.id, Retention=shorter)
    chain = chain_of(bucket)
    assert chain.whole
    assert chain.findings == [f"{version.key}: version {version.id} is not locked any more"]


def test_a_run_that_was_killed_after_writing_is_gone_on_with(bucket: Bucket, entries: list[bytes]) -> None:
    class Killed(Exception):
        pass

    def killed(line: str) -> None:
        raise Killed

    for _ in range(3):
        with pytest.raises(Killed):
            archive_closed(bucket, "lab", journal_of(entries), SIZE, killed)
    archive(bucket, entries)
    chain = chain_of(bucket)
    assert stored(bucket, chain) == entries
    assert all(len(versions) == 1 for versions in bucket.versions("").values())


class Slow(Bucket):
    """Between looking and writing, something else happens."""

    def __init__(self, settings: Archive, meanwhile: list[Callable[[], object]]) -> None:
        super().__init__(settings)
        self._meanwhile = meanwhile

    def put(self, key: str, data: bytes) -> Any:
        if self._meanwhile:
            self._meanwhile.pop()()
        return super().put(key, data)


@pytest.mark.parametrize("other_size", [SIZE, 4, 25])
def test_two_archivers_at_once_do_no_harm(
    bucket: Bucket, settings: Callable[[], Archive], entries: list[bytes], other_size: int
) -> None:
    slow = Slow(settings(), [lambda: archive(bucket, entries, other_size)])
    outcome = archive(slow, entries)
    other = archive(bucket, entries, other_size)
    chain = chain_of(bucket)
    assert (chain.whole, chain.findings) == (True, [])
    assert chain.sum == other.sum
    assert outcome.doubts == other.doubts == ()
    assert stored(bucket, chain) == entries[: chain.last]
    assert chain.last >= len(entries) - other_size


def test_a_journal_that_begins_anew_has_an_archive_of_its_own(bucket: Bucket, entries: list[bytes]) -> None:
    archive(bucket, entries)
    anew = of_another_beginning(entries_of(2, 30))
    archive(bucket, anew)
    assert archive(bucket, entries).written == 0
    known = journals(bucket, "lab", "alpha")
    chains = [read_chain(bucket, name, "alpha", objects) for name, objects in known.items()]
    assert [chain.last for chain in chains] == [60, 30]
    assert all(chain.whole and not chain.findings for chain in chains)


def test_a_journal_whose_beginning_was_removed_is_gone_on_with(bucket: Bucket, entries: list[bytes]) -> None:
    archive(bucket, entries[:40])
    outcome = archive_closed(bucket, "lab", journal_of(entries[25:]), SIZE)
    assert (outcome.last, outcome.written) == (60, 2)
    assert stored(bucket, chain_of(bucket)) == entries


def test_a_whole_journal_is_archive_and_etcd(bucket: Bucket, entries: list[bytes]) -> None:
    archive(bucket, entries[:40])
    trimmed = journal_of(entries[25:])
    assert whole_journal(bucket, "lab", trimmed) == entries
    assert whole_journal(None, "lab", journal_of(entries)) == entries
    with pytest.raises(ArchiveError, match="does not begin with entry 1"):
        whole_journal(None, "lab", trimmed)
    with pytest.raises(ArchiveError, match="does not begin with entry 1"):
        whole_journal(bucket, "lab", journal_of(entries_of(2, 40)[25:]))


def test_a_journal_without_beginning_and_archive_is_refused(bucket: Bucket, entries: list[bytes]) -> None:
    with pytest.raises(ArchiveError, match="does not begin with entry 1"):
        archive_closed(bucket, "lab", journal_of(entries[25:]), SIZE)


def test_nothing_is_archived_over_a_gap(bucket: Bucket, entries: list[bytes]) -> None:
    with pytest.raises(ArchiveError, match="entry 6 stands in the journal where 5 should"):
        archive(bucket, entries[:4] + entries[5:])
    with pytest.raises(ArchiveError, match="entry 11 is missing in etcd"):
        archive(bucket, entries[:10] + entries[11:])


def test_ordinary_credentials_can_hide_segments_and_destroy_none(
    bucket: Bucket, intruder: Any, entries: list[bytes], tmp_path: Path
) -> None:
    archive(bucket, entries)
    keys = {key: versions[0].id for key, versions in bucket.versions("").items()}
    for key, version in keys.items():
        intruder.put_object(Bucket=bucket.name, Key=key, Body=b"pay us")
        intruder.delete_object(Bucket=bucket.name, Key=key)
        with pytest.raises(ClientError, match="AccessDenied"):
            intruder.delete_object(Bucket=bucket.name, Key=key, VersionId=version)
    chain = chain_of(bucket)
    assert chain.whole
    for key in keys:
        assert sum(key in finding for finding in chain.findings) == 2
    files = fetch(bucket, chain, tmp_path / "back")
    assert [entry for file in files for entry in unpack(file.read_bytes()).entries] == entries
    after = archive(bucket, entries)
    assert (after.written, after.last) == (0, 60)


def test_a_segment_that_was_put_there_beforehand_does_not_count(
    bucket: Bucket, intruder: Any, entries: list[bytes]
) -> None:
    """Neither rubbish nor a whole segment with other entries, though both are older than the true one."""
    archive(bucket, entries[:20])
    keys = sorted(bucket.versions(""))
    following = keys[-1].replace(f"{11:016x}", f"{21:016x}")
    forged = entries_of(3, 60)
    intruder.put_object(Bucket=bucket.name, Key=following, Body=b"rubbish")
    chained = pack("alpha", forged[20:30], chain_of(bucket).sum)
    intruder.put_object(Bucket=bucket.name, Key=following, Body=chained)
    outcome = archive(bucket, entries)
    assert outcome.last == 60
    assert any("something else than the journal" in doubt for doubt in outcome.doubts)
    chain = chain_of(bucket)
    assert stored(bucket, chain) == entries
    assert (chain.whole, chain.sum) == (True, outcome.sum)


def test_a_segment_that_follows_from_nothing_does_not_count(
    bucket: Bucket, intruder: Any, entries: list[bytes]
) -> None:
    """Whole in itself, with the number that comes next, and of the right cell."""
    archive(bucket, entries[:20])
    key = max(bucket.versions("")).replace(f"{11:016x}", f"{21:016x}")
    intruder.put_object(Bucket=bucket.name, Key=key, Body=pack("alpha", entries[20:30], "1" * 64))
    chain = chain_of(bucket)
    assert chain.last == 20
    assert any("does not follow from the segment before it" in finding for finding in chain.findings)


def test_what_is_missing_and_what_is_altered_is_named(bucket: Bucket, intruder: Any, entries: list[bytes]) -> None:
    """Without locks, as after their time, everything can be done; and is seen."""
    archive(bucket, entries)
    sound = chain_of(bucket)
    looks = [(3, as_lines([sound]))]
    links = sound.links

    def remove(place: int) -> str:
        version = links[place].version
        intruder.delete_object(
            Bucket=bucket.name, Key=version.key, VersionId=version.id, BypassGovernanceRetention=True
        )
        return version.key

    def unlocked(place: int, data: bytes) -> str:
        key = links[place].version.key
        intruder.put_object(Bucket=bucket.name, Key=key, Body=data)
        return key

    with pytest.raises(ClientError):
        remove(2)
    altered = Altered(bucket, gone={links[2].version.key}, bytes_of={links[4].version.key: b"rubbish"})
    (name,) = known = journals(altered, "lab", "alpha")
    chain = read_chain(altered, name, "alpha", known[name])
    assert not chain.whole
    assert "entries 21 to 30: no segment holds them" in chain.findings
    assert any(links[4].version.key in finding and "no version" in finding for finding in chain.findings)
    assert [finding.partition(": ")[2] for finding in forgotten([chain], looks)] == [
        "entries 21 to 30: is gone since run 3 saw",
        "entries 41 to 50: is gone since run 3 saw",
    ]
    with pytest.raises(ArchiveError, match="gaps"):
        fetch(altered, chain, Path("/nowhere"))
    anew = [(3, as_lines([sound]).replace(links[0].header.sum, "f" * 64))]
    assert "entries 1 to 10: has another sum than run 3 saw" in forgotten([sound], anew)[0]


class Altered(Bucket):
    """The bucket as it would be if its service, or time, had lifted the locks."""

    def __init__(self, bucket: Bucket, gone: set[str], bytes_of: dict[str, bytes]) -> None:
        self.__dict__ |= bucket.__dict__
        self._gone, self._bytes_of = gone, bytes_of

    def versions(self, prefix: str) -> Any:
        return {key: found for key, found in super().versions(prefix).items() if key not in self._gone}

    def read(self, version: Any) -> bytes:
        return self._bytes_of.get(version.key) or super().read(version)


def test_a_segment_that_reads_back_otherwise_is_not_archived(
    bucket: Bucket, settings: Callable[[], Archive], entries: list[bytes]
) -> None:
    class Lossy(Bucket):
        def parts(self, version: Any) -> Iterator[bytes]:
            yield from [part[:-1] for part in super().parts(version)]

    with pytest.raises(BucketTrouble, match="reads back otherwise"):
        archive(Lossy(settings()), entries)


def test_a_bucket_without_locks_is_refused(settings: Callable[[], Archive], intruder: Any) -> None:
    bucket = Bucket(settings())
    with pytest.raises(BucketTrouble, match="no bucket"):
        bucket.require()
    intruder.create_bucket(Bucket=bucket.name)
    with pytest.raises(BucketTrouble, match="without versions"):
        bucket.make()
    intruder.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(BucketTrouble, match="without object lock"):
        bucket.require()


def test_troubles_are_said_plainly(
    settings: Callable[[], Archive], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nobody = settings().model_copy(update={"endpoint": "http://127.0.0.1:9"})
    with pytest.raises(BucketTrouble, match=r"127\.0\.0\.1:9"):
        Bucket(nobody).require()
    for key in ("ca", "credentials_file"):
        with pytest.raises(SetupError, match="no file") as told:
            Bucket(settings().model_copy(update={key: str(tmp_path / "none")}))
        assert told.value.expected == f"what `archive.{key}` names"
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(BucketTrouble, match="no credentials"):
        Bucket(settings()).require()


def test_credentials_may_come_from_a_file_of_their_own_and_are_never_evidence(
    settings: Callable[[], Archive], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    file, secret = tmp_path / "credentials", "canary-of-a-secret-in-a-file"
    file.write_text(f"[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {secret}\n")
    assert Bucket(settings().model_copy(update={"credentials_file": str(file)})).make()
    assert contains_secret(secret.encode())


def test_nothing_before_is_what_the_first_segment_names(bucket: Bucket, entries: list[bytes]) -> None:
    archive(bucket, entries[:10])
    assert chain_of(bucket).links[0].header.previous == NOTHING_BEFORE
