"""Days that are over are closed with a sum; nothing is removed early without an alarm; what was altered is noticed."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from dingli_logstore import ledger
from dingli_logstore.attributes import set_grows_only
from dingli_logstore.command import sums
from dingli_logstore.entry import encoded, parse
from dingli_logstore.keep import Keeper
from dingli_logstore.store import Store, day_of

from dingli.logs.verification import findings

from .conftest import line

NOW_S = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
DAY_S = 86400


def text(*numbers: int) -> bytes:
    return b"".join(encoded(parse(line(number), 7)) for number in numbers)


class Logs:
    """A store with some days in it, and a keeper whose disk is as full as a test says."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.alarms: list[str] = []
        self.disk: Callable[[], float] = lambda: 50.0

    def arrived(self, host: str, days_ago: int, *numbers: int) -> str:
        day = day_of(NOW_S - days_ago * DAY_S)
        self.store.append(host, day, text(*numbers))
        return day

    def keep(self, now_s: float = NOW_S) -> None:
        Keeper(self.store, 180, 10, self.alarms.append, lambda: self.disk()).run(now_s, [])

    def names(self) -> list[str]:
        return [f"{file.host}/{file.path.name}" for host in self.store.hosts() for file in self.store.files(host)]

    def events(self) -> list[str]:
        return [f"{note['event']} {note['host']}/{note['day']}" for note in ledger.read(self.store.ledger)]

    def found(self, *earlier: str) -> list[str]:
        return findings(self.store.ledger.read_text(), sums(self.store), earlier)


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Logs]:
    made = Logs(tmp_path)
    yield made
    for path in tmp_path.rglob("*"):  # a file that only grows cannot be removed with the test's folder
        if path.is_file():
            set_grows_only(path, False)


def test_a_day_that_is_over_is_compressed_and_its_sum_noted(logs: Logs) -> None:
    day, today = logs.arrived("one", 1, 1, 2), logs.arrived("one", 0, 3)
    logs.keep()
    assert logs.names() == [f"one/{day}.jsonl.gz", f"one/{today}.jsonl"]
    closed = logs.store.files("one")[0]
    assert gzip.decompress(closed.path.read_bytes()) == text(1, 2)
    (note,) = ledger.read(logs.store.ledger)
    assert (note["event"], note["host"], note["day"], note["lines"]) == ("closed", "one", day, 2)
    assert note["sha256"] == hashlib.sha256(closed.path.read_bytes()).hexdigest()
    assert note["last_us"] - note["first_us"] == 1
    logs.keep()
    assert len(ledger.read(logs.store.ledger)) == 1, "a second run has nothing to do"
    assert logs.found() == []


def test_a_day_stays_open_until_late_lines_are_in(logs: Logs) -> None:
    logs.arrived("one", 1, 1)
    midnight = NOW_S - NOW_S % DAY_S
    logs.keep(midnight + 60)
    assert ledger.read(logs.store.ledger) == []
    logs.keep(midnight + 700)
    assert len(ledger.read(logs.store.ledger)) == 1


def test_sending_goes_on_behind_a_closed_day(logs: Logs) -> None:
    logs.arrived("one", 1, 1, 2)
    logs.keep()
    last = logs.store.last_cursor("one")
    assert last is not None
    assert ";i=2;" in last


@pytest.mark.parametrize("stage", ["compressed, not noted", "noted, not removed"])
def test_closing_that_was_interrupted_is_completed(logs: Logs, stage: str) -> None:
    day = logs.arrived("one", 1, 1, 2)
    plain = (logs.store.root / "one" / f"{day}.jsonl").read_bytes()
    logs.keep()
    logs.store.append("one", day, plain)
    if stage == "compressed, not noted":
        set_grows_only(logs.store.ledger, False)
        logs.store.ledger.unlink()
    logs.keep()
    assert logs.names() == [f"one/{day}.jsonl.gz"]
    assert logs.events() == [f"closed one/{day}"]
    assert logs.found() == []


def test_a_day_goes_when_it_is_older_than_the_days_to_keep(logs: Logs) -> None:
    old, kept = logs.arrived("one", 181, 1), logs.arrived("one", 180, 2)
    logs.keep()
    assert logs.names() == [f"one/{kept}.jsonl.gz"]
    assert logs.events() == [f"closed one/{old}", f"closed one/{kept}", f"expired one/{old}"]
    assert logs.alarms == []
    assert logs.found() == []


def test_a_full_disk_takes_the_oldest_days_with_an_alarm_and_never_the_present_one(logs: Logs) -> None:
    days = [logs.arrived(host, ago, ago) for ago in (3, 2, 1) for host in ("one", "two")]
    today = logs.arrived("one", 0, 9)
    logs.disk = lambda: 5.0 if len(logs.names()) > 4 else 50.0
    logs.keep()
    assert logs.events()[-3:] == [f"removed one/{days[0]}", f"removed two/{days[0]}", f"removed one/{days[2]}"]
    assert len(logs.alarms) == 3
    assert f"{days[0]} of one is removed before its 180 days are over" in logs.alarms[0]
    assert logs.found() == [], "noted removals are no finding"
    logs.disk = lambda: 5.0
    logs.keep()
    assert logs.names() == [f"one/{today}.jsonl"]
    assert "nothing is left" in logs.alarms[-1]


def test_a_silent_host_is_an_alarm(logs: Logs) -> None:
    logs.arrived("one", 0, 1)
    modified_s = logs.store.files("one")[0].path.stat().st_mtime
    keeper = Keeper(logs.store, 180, 10, logs.alarms.append, lambda: 50.0)
    keeper.listen_for_silence(modified_s + 60, ["one"])
    assert logs.alarms == []
    keeper.listen_for_silence(modified_s + 3600, ["one", "two"])
    assert logs.alarms == ["one has sent nothing for 60 minutes", "two has sent nothing yet"]


def test_what_was_altered_is_found(logs: Logs) -> None:
    days = [logs.arrived("one", ago, ago) for ago in (3, 2, 1)]
    logs.keep()
    changed, gone, _ = (file.path for file in logs.store.files("one"))
    seen = logs.store.ledger.read_text()
    for path in (changed, gone, logs.store.ledger):
        set_grows_only(path, False)
    changed.write_bytes(gzip.compress(text(99)))
    gone.unlink()
    assert logs.found() == [f"one/{days[1]}: the file is gone", f"one/{days[0]}: the file was changed"]

    logs.store.ledger.write_text("".join(seen.splitlines(keepends=True)[1:]))
    assert any("does not follow" in finding for finding in logs.found())

    logs.store.ledger.unlink()
    logs.keep()
    assert logs.found() == [], "who owns the files can write a ledger anew"
    assert "written anew" in logs.found(seen)[0], "and is found out by one that was taken away"


def test_a_ledger_that_is_no_ledger_is_a_finding() -> None:
    assert "cannot be read" in findings("no json\n", {})[0]
    assert "cannot be read" in findings(json.dumps({"n": 1}) + "\n", {})[0]
