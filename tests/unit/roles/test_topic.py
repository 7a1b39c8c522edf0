"""Files and directories of a topic, on this machine's own file system. Services are the live tests' matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.roles.playbook import owner, run_module


class Topic:
    """Runs the module on one path below a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "here" / "settings.conf"

    def run(self, check: bool = False, **entry: Any) -> dict[str, Any]:
        wanted = {"path": str(self.path), "content": "a = 1\n"} | owner() | entry
        if "secret_content" in wanted:
            del wanted["content"]
        return run_module("dingli_topic", self.folder, {"files": [wanted]}, check)


@pytest.fixture
def topic(tmp_path: Path) -> Topic:
    return Topic(tmp_path)


def test_a_file_is_written_with_its_mode_and_a_second_run_changes_nothing(topic: Topic) -> None:
    assert topic.run(mode="0640")["changes"] == [f"write {topic.path}"]
    assert topic.path.read_text() == "a = 1\n"
    assert topic.path.stat().st_mode & 0o777 == 0o640
    assert not topic.run(mode="0640")["changed"]


def test_folders_made_on_the_way_can_be_entered_whatever_the_umask(topic: Topic) -> None:
    topic.run()
    assert topic.path.parent.stat().st_mode & 0o777 == 0o755


def test_check_mode_says_what_the_run_does_and_writes_nothing(topic: Topic) -> None:
    checked = topic.run(check=True)
    assert not topic.path.exists()
    assert checked["changes"] == [f"would {change}" for change in topic.run()["changes"]]


@pytest.mark.parametrize("check", [True, False])
def test_a_file_that_is_not_valid_is_refused_and_the_old_one_stays(topic: Topic, check: bool) -> None:
    topic.run(content="exit 0\n", validate="/bin/sh -n %s")
    result = topic.run(check, content="if then\n", validate="/bin/sh -n %s")
    assert result["failed"]
    assert "not valid, the old one stays" in result["msg"]
    assert topic.path.read_text() == "exit 0\n"
    assert [path.name for path in topic.path.parent.iterdir()] == ["settings.conf"]


def test_only_the_mode_is_repaired_where_the_content_is_right(topic: Topic) -> None:
    topic.run()
    topic.path.chmod(0o600)
    changes = topic.run()["changes"]
    assert len(changes) == 1
    assert "owner and mode" in changes[0]
    assert topic.path.stat().st_mode & 0o777 == 0o644


def test_a_difference_is_shown_but_not_a_secret_one(topic: Topic) -> None:
    topic.run()
    assert topic.run(check=True, content="a = 2\n")["diff"][0]["after"] == "a = 2\n"
    hidden = topic.run(check=True, secret_content="hunter2-canary")
    assert hidden["changed"]
    assert "hunter2-canary" not in str(hidden)
    assert not hidden["diff"]


def test_a_directory_is_made_and_something_unwanted_removed(topic: Topic) -> None:
    assert topic.run(state="directory", mode="0711", content=None)["changed"]
    assert topic.path.stat().st_mode & 0o777 == 0o711
    assert not topic.run(state="directory", mode="0711", content=None)["changed"]
    assert topic.run(state="absent", content=None)["changes"] == [f"remove {topic.path}"]
    assert not topic.path.exists()


def test_an_unknown_owner_is_named(topic: Topic) -> None:
    result = topic.run(owner="nobody-of-this-name")
    assert "no account or group 'nobody-of-this-name'" in result["msg"]
