"""A replica that failed in the middle of an entry never goes on with what it has half changed."""

import pytest
from dingli_core.commands import LOGON, Logon, SessionCommand, encode_command
from dingli_core.entry import Entry, encode_entry
from dingli_core.exceptions import QuarantineError
from dingli_core.replica import Replica


def test_an_entry_that_raised_once_is_not_executed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica("alpha")
    logon = encode_command(SessionCommand(LOGON, 1, "M1", 7, 1, 0, Logon(30, 0)))
    good = Entry(1, 1, 1, bytes(16), 1, replica.machine.hash, (logon,))
    monkeypatch.setattr(replica.machine.sessions, "execute", _broken)
    with pytest.raises(QuarantineError, match="exception at 1"):
        replica.apply_raw(encode_entry(good), lambda _: None)
    monkeypatch.undo()
    with pytest.raises(QuarantineError, match="exception at 1"):
        replica.apply_raw(encode_entry(good), lambda _: None)
    assert replica.head == 0


def _broken(*_: object) -> None:
    raise ZeroDivisionError
