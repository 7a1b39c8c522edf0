"""Commands without an ack: kept in order, so that the next leader gets them again."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from dingli_gateway.exceptions import WireError
from dingli_gateway.wire import Ack

__all__ = ["Kept", "KeptCommands"]


class Kept(NamedTuple):
    """A submitted command and when it came (monotonic)."""

    kind: int
    connection: int
    in_seq: int
    frame: bytes
    body: bytes
    since: float


class KeptCommands:
    """First in, first acknowledged: acks come in the order of submission."""

    def __init__(self) -> None:
        self._commands: deque[Kept] = deque()

    def __len__(self) -> int:
        return len(self._commands)

    def __iter__(self) -> Iterator[Kept]:
        return iter(self._commands)

    def add(self, command: Kept) -> None:
        """Keep one more."""
        self._commands.append(command)

    def acknowledged(self, ack: Ack) -> Kept:
        """Take out what the ack is for; raises WireError if it is not for the oldest command."""
        oldest = self._commands[0] if self._commands else None
        if oldest is None or (oldest.kind, oldest.connection, oldest.in_seq) != (ack.kind, ack.connection, ack.in_seq):
            expected = oldest and (oldest.kind, oldest.connection, oldest.in_seq)
            raise WireError(f"found an ack for {(ack.kind, ack.connection, ack.in_seq)}, expected {expected}")
        return self._commands.popleft()
