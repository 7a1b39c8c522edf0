"""What may leave etcd, and how segments reach the hosts of cores."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dingli.archive import ArchiveError, Bucket, Chain, archive_closed, journals, read_chain
from dingli.archive.placing import place
from dingli.archive.trimming import plan_trim
from dingli.exceptions import DingliError
from tests.unit.archive.conftest import journal_of

HOUR_NS = 3_600 * 10**9
pytestmark = pytest.mark.slow  # an S3 service


@pytest.fixture
def chain(bucket: Bucket, entries: list[bytes]) -> Chain:
    archive_closed(bucket, "lab", journal_of(entries), 10)
    (name,) = known = journals(bucket, "lab", "alpha")
    return read_chain(bucket, name, "alpha", known[name])


def run_here(words: list[str], stdin: str) -> str:
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DingliError(done.stderr)
    return done.stdout


def test_whole_segments_that_are_old_enough_may_go_but_never_the_newest(chain: Chain) -> None:
    last_times = [link.header.last_time_ns for link in chain.links]
    plan = plan_trim(chain, 1, last_times[2] + HOUR_NS)
    assert (plan.to, len(plan.links)) == (30, 3)
    assert plan.hash == chain.links[3].header.hash_before
    assert plan_trim(chain, 1, last_times[2] + HOUR_NS - 1).to == 20
    assert plan_trim(chain, 1, last_times[-1] + 10**9 * HOUR_NS).to == 50
    with pytest.raises(ArchiveError, match="older than 1 hours"):
        plan_trim(chain, 1, last_times[0])


def test_nothing_goes_while_anything_is_odd(chain: Chain) -> None:
    now_ns = chain.links[-1].header.last_time_ns + 2 * HOUR_NS
    with pytest.raises(ArchiveError, match="marked as deleted"):
        plan_trim(Chain(chain.name, chain.links, ["x: marked as deleted"]), 1, now_ns)
    for links in ([], chain.links[1:], chain.links[:2] + chain.links[3:]):
        with pytest.raises(ArchiveError, match="not whole"):
            plan_trim(Chain(chain.name, links), 1, now_ns)


def test_segments_are_placed_once_and_damaged_ones_again(chain: Chain, bucket: Bucket, tmp_path: Path) -> None:
    folder = tmp_path / "core-alpha" / "archive"
    folder.parent.mkdir()
    assert place(bucket, chain.links, str(folder), run_here) == 6
    assert place(bucket, chain.links, str(folder), run_here) == 0
    files = sorted(folder.iterdir())
    assert [file.read_bytes() for file in files] == [bucket.read(link.version) for link in chain.links]
    assert all(file.stat().st_mode & 0o777 == 0o640 for file in files)
    files[1].write_bytes(b"half")
    files[2].unlink()
    assert place(bucket, chain.links, str(folder), run_here) == 2


def test_what_did_not_arrive_whole_is_not_placed(chain: Chain, bucket: Bucket, tmp_path: Path) -> None:
    folder = tmp_path / "core-alpha" / "archive"
    folder.parent.mkdir()

    def cut_short(words: list[str], stdin: str) -> str:
        return run_here(words, stdin[: len(stdin) // 8 * 4])

    with pytest.raises(DingliError):
        place(bucket, chain.links, str(folder), cut_short)
    assert list(folder.glob("*.segment")) == []
