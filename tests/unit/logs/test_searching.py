"""What `dingli logs` asks, and what the host of the logs answers: the real program, with the question on its input."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dingli_logstore.entry import encoded, parse
from dingli_logstore.store import day_of

from dingli.environment import load
from dingli.exceptions import InputError
from dingli.logs.query import Priority, Wish, moment, priority, question
from dingli.logs.show import as_json, as_text
from tests.waiting import wait_for

from .conftest import Server, line

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
BASE = datetime.fromtimestamp(1_795_000_000, UTC)


def stored(number: int, **fields: Any) -> bytes:
    return encoded(parse(line(number, **fields), 7))


@pytest.fixture
def filled(server: Server) -> Server:
    day = day_of(BASE.timestamp())
    later = day_of(BASE.timestamp() + 86400)
    core = {"_SYSTEMD_UNIT": "dingli-core@alpha.service", "SYSLOG_IDENTIFIER": "python3"}
    other = {"_SYSTEMD_UNIT": "dingli-core@beta.service", "SYSLOG_IDENTIFIER": "python3"}
    sudo = {"_SYSTEMD_UNIT": "ssh.service", "SYSLOG_IDENTIFIER": "sudo"}
    sshd = {"_SYSTEMD_UNIT": "ssh.service", "SYSLOG_IDENTIFIER": "sshd-session"}
    store = server.store
    store.append("one", day, stored(10, **core) + stored(30, **sudo) + stored(50, PRIORITY="3"))
    store.append("two", day, stored(20, **other))
    store.append("two", later, stored(25, MESSAGE="held up") + stored(40, **sshd))
    return server


def ask(server: Server, **query: Any) -> tuple[list[str], dict[str, Any]]:
    """The messages found, in order, and how the answer ended."""
    done = server.run("search", json.dumps(query) + "\n")
    assert done.returncode == 0, done.stderr
    *records, end = [json.loads(found) for found in done.stdout.splitlines()]
    return [record["message"].removeprefix("number ") for record in records], end["end"]


def test_lines_of_all_hosts_come_in_the_order_of_time_also_those_that_were_held_up(filled: Server) -> None:
    assert ask(filled)[0] == ["10", "20", "held up", "30", "40", "50"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"hosts": ["two"]}, ["20", "held up", "40"]),
        ({"services": ["core"]}, ["10", "20"]),
        ({"services": ["dingli-core@beta"]}, ["20"]),
        ({"services": ["sudo", "sshd"]}, ["30", "40"]),
        ({"cells": ["alpha"]}, ["10"]),
        ({"priority": 4}, ["50"]),
        ({"pattern": "[13]0"}, ["10", "30"]),
        ({"since_us": 1_795_000_000_000_030}, ["30", "40", "50"]),
        ({"until_us": 1_795_000_000_000_025}, ["10", "20"]),
    ],
)
def test_a_question_finds(filled: Server, query: dict[str, Any], found: list[str]) -> None:
    assert ask(filled, **query)[0] == found


def test_the_last_lines_are_kept_and_the_rest_counted(filled: Server) -> None:
    assert ask(filled, last=2) == (["40", "50"], {"left_out": 4, "hosts": ["one", "two"]})
    assert ask(filled, last=6)[1]["left_out"] == 0


def test_closed_days_are_searched_too(filled: Server) -> None:
    before = ask(filled)[0]
    assert filled.run("keep").returncode == 0
    assert {file.closed for file in filled.store.files("one")} == {True}
    assert ask(filled)[0] == before
    assert ask(filled, since_us=1_795_000_000_000_030, until_us=1_795_000_000_000_045)[0] == ["30", "40"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"colour": 1}', '{"pattern": "("}'])
def test_what_is_no_question_is_refused(filled: Server, text: str) -> None:
    done = filled.run("search", text + "\n")
    assert done.returncode == 2
    assert "not understood" in done.stderr


def test_a_host_of_which_nothing_has_arrived_is_named_with_those_that_have_sent(filled: Server) -> None:
    done = filled.run("search", '{"hosts": ["three"]}\n')
    assert done.returncode == 2
    assert "no logs of three have arrived; there are those of one, two" in done.stderr


def test_following_shows_what_arrives_and_ends_with_the_connection(filled: Server) -> None:
    with subprocess.Popen(
        filled.command("search"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as searching:
        assert searching.stdin is not None
        assert searching.stdout is not None
        searching.stdin.write(json.dumps({"follow": True, "last": 1, "services": ["test"]}) + "\n")
        searching.stdin.flush()
        assert json.loads(searching.stdout.readline())["message"] == "number 50"
        day = day_of(BASE.timestamp() + 2 * 86400)
        filled.store.append("two", day, stored(60) + stored(70, SYSLOG_IDENTIFIER="x", _SYSTEMD_UNIT="x"))
        filled.store.append("one", day, stored(80)[:-9])
        assert json.loads(searching.stdout.readline())["message"] == "number 60"
        filled.store.append("three", day, stored(90))
        assert json.loads(searching.stdout.readline())["message"] == "number 90"
        searching.stdin.close()
        assert "end" in json.loads(searching.stdout.readline())
        wait_for(lambda: searching.poll() is not None)


# -- what a person types -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - timedelta(seconds=90)),
        ("10m", NOW - timedelta(minutes=10)),
        ("2h", NOW - timedelta(hours=2)),
        ("3d", NOW - timedelta(days=3)),
        ("2026-11-20", datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20T07:30", datetime(2026, 11, 20, 7, 30, tzinfo=UTC)),
        ("2026-11-20 07:30:15Z", datetime(2026, 11, 20, 7, 30, 15, tzinfo=UTC)),
        ("2026-11-20T15:30+08:00", datetime(2026, 11, 20, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is(text: str, expected: datetime) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(since="yesterday"), "the time 'yesterday'"),
        (Wish(since="1h", until="2h"), "is not before --until"),
        (Wish(until="1h", follow=True), "--follow with --until"),
        (Wish(grep="("), "regular expression"),
        (Wish(priority="eror"), "did you mean"),
        (Wish(cells=["alfa"]), "did you mean 'alpha'"),
        (Wish(last=-1), "-n -1"),
    ],
)
def test_what_cannot_be_asked_is_told(wish: Wish, said: str) -> None:
    with pytest.raises(InputError, match=r".*") as raised:
        question(load("lab"), wish, NOW)
    assert said in str(raised.value)


def test_a_wish_becomes_a_question() -> None:
    wish = Wish(["dr-1"], ["etcd.service"], ["alpha"], "10m", None, "a'; rm -rf /", "err", 5, False)
    assert question(load("lab"), wish, NOW) == {
        "hosts": ["dr-1"],
        "services": ["etcd"],
        "cells": ["alpha"],
        "since_us": int((NOW - timedelta(minutes=10)).timestamp()) * 1_000_000,
        "until_us": None,
        "pattern": "a'; rm -rf /",
        "priority": 3,
        "last": 5,
        "follow": False,
    }


def test_without_a_time_it_is_the_last_hour_and_without_a_number_all() -> None:
    asked = question(load("lab"), Wish(), NOW)
    assert asked["since_us"] == int((NOW - timedelta(hours=1)).timestamp()) * 1_000_000
    assert asked["last"] is None


def test_priorities_have_names_and_numbers() -> None:
    assert priority("error") is priority("3") is priority("ERR") is Priority.ERR


# -- what a person sees ------------------------------------------------------------------------------------------------


def record(**fields: Any) -> dict[str, Any]:
    return {"host": "one", **parse(line(10, **fields), 7)}


def test_a_line_shows_time_host_service_priority_and_message() -> None:
    core = {"_SYSTEMD_UNIT": "dingli-core@alpha.service", "SYSLOG_IDENTIFIER": "python3", "PRIORITY": "3"}
    assert as_text(record(**core)) == "2026-11-18T11:06:40.000Z one core@alpha[1] err: number 10"
    assert json.loads(as_json(record(**core)))["service"] == "core@alpha"


def test_a_message_cannot_steer_the_terminal_or_pretend_to_be_another_line() -> None:
    shown = as_text(record(MESSAGE="a\x1b[2J\x9b31m\u202e\nb", SYSLOG_IDENTIFIER="x\ny"))
    assert shown.endswith("x\\ny[1] info: a\\x1b[2J\\x9b31m\\u202e\n    b")


def test_a_message_of_bytes_or_of_several_values_is_text() -> None:
    assert record(MESSAGE=[104, 105, 255])["message"] == "hi\ufffd"
    assert record(MESSAGE=["a", "b"])["message"] == "a\nb"
    assert record(MESSAGE=None)["message"] == ""
    assert "cut: 300000 characters" in record(MESSAGE="x" * 300_000)["message"]
