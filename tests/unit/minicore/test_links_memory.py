"""A link remembers the connections that live, and no others."""

from __future__ import annotations

from dingli_minicore.codec import Kind
from dingli_minicore.leader import ended_connections
from dingli_minicore.machine import Machine

from .test_vectors import _stream


def test_connections_are_forgotten_when_they_end_and_not_before() -> None:
    for name in ("sessions", "random_stream"):
        cell, entries = _stream(name)
        machine, remembered, forgotten = Machine(cell), set[int](), set[int]()
        for each in entries:
            outcome = machine.apply(bytes.fromhex(each["entry"]))
            commands = outcome.entry.commands
            remembered |= {command.connection for command in commands if command.kind == Kind.LOGON}
            over = ended_connections(outcome)
            remembered -= over
            forgotten |= over
            live = {session.connection for session in machine.sessions.values() if session.connection}
            assert live <= remembered, each["n"]
        assert forgotten
