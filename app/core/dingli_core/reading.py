"""Keys and values as others wrote them: read strictly, or not at all (docs/protocol.md, section 2).

Operators, deployments and other programs write beside the cores. What cannot be read is None here, never an exception:
a process that ends would be started again, read the same key again, and end again.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from dingli_core.keys import Keys

__all__ = [
    "Leader",
    "Policy",
    "Status",
    "content",
    "leader",
    "log_number",
    "number",
    "policy",
    "status",
    "unreadable",
    "vote",
]

_NUMBER = re.compile(rb"[0-9a-f]{16}")
_VOTE_KEY = re.compile(rb"([0-9a-f]{16})/([\x21-\x2e\x30-\x7e]{1,64})")
_HASH = re.compile(rb"[0-9a-f]{64}")
_DECIMAL = re.compile(rb"[0-9]{1,20}")
_CORE = re.compile(r"[\x21-\x7e]{1,64}")
_INTEGER_LIMIT = 1 << 64


class Leader(NamedTuple):
    """The leader key. `epoch` is its create revision. Unreadable, it is a leader without a name."""

    core: str
    address: str
    incarnation: str
    epoch: int
    lease: int


class Policy(NamedTuple):
    """Cores in order of preference; `automatic` are those that may take over by themselves."""

    revision: int
    cores: tuple[str, ...]
    automatic: tuple[str, ...]


class Status(NamedTuple):
    """What of a status decides anything."""

    core: str
    time_ns: int
    head: int


def content(value: bytes) -> dict[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _INTEGER_LIMIT


def leader(value: bytes) -> tuple[str, str, str] | None:
    """Core, address and incarnation."""
    said = content(value)
    core, address, incarnation = said.get("core"), said.get("address", ""), said.get("incarnation", "")
    if not (isinstance(core, str) and isinstance(address, str) and isinstance(incarnation, str)):
        return None
    readable = _CORE.fullmatch(core) and address.isascii() and len(address) <= 255
    return (core, address, incarnation) if readable else None


def policy(value: bytes) -> Policy | None:
    """The policy; None unless every core of it can be read."""
    said = content(value)
    revision, cores = said.get("revision"), said.get("cores")
    if not _is_whole(revision) or not isinstance(cores, dict):
        return None
    takeovers = {core: rule.get("takeover") for core, rule in cores.items() if isinstance(rule, dict)}
    if len(takeovers) < len(cores) or not all(_CORE.fullmatch(core) for core in cores):
        return None
    if not set(map(str, takeovers.values())) <= {"automatic", "manual"}:
        return None
    return Policy(int(str(revision)), tuple(cores), tuple(core for core in cores if takeovers[core] == "automatic"))


def status(value: bytes) -> Status | None:
    """A core's status."""
    said = content(value)
    core, time_ns, head = (said.get(key) for key in ("core", "time_ns", "head"))
    if not isinstance(core, str) or not _CORE.fullmatch(core) or not _is_whole(time_ns) or not _is_whole(head):
        return None
    return Status(core, int(str(time_ns)), int(str(head)))


def number(value: bytes) -> int | None:
    """A decimal number."""
    return int(value) if _DECIMAL.fullmatch(value) else None


def log_number(keys: Keys, key: bytes) -> int | None:
    """The n of an entry's key."""
    name = key.removeprefix(keys.log_prefix)
    return int(name, 16) if _NUMBER.fullmatch(name) else None


def vote(keys: Keys, key: bytes, value: bytes) -> tuple[int, bytes, str] | None:
    """Entry number, core (as in keys) and hash in hexadecimal digits."""
    name = _VOTE_KEY.fullmatch(key.removeprefix(keys.votes_prefix))
    return (int(name[1], 16), name[2], value.decode("ascii")) if name and _HASH.fullmatch(value) else None


def unreadable(keys: Keys, values: Mapping[bytes, bytes]) -> list[bytes]:
    """Those of a cell's keys that count as said in section 2 because they cannot be read; not of the log."""
    return [key for key, value in values.items() if not _is_readable(keys, key, value)]


def _is_readable(keys: Keys, key: bytes, value: bytes) -> bool:
    if key == keys.leader:
        return leader(value) is not None
    if key == keys.policy:
        return policy(value) is not None
    if key in (keys.handover, keys.switch):
        return value.isascii() and _CORE.fullmatch(value.decode()) is not None
    if key.startswith(keys.status_prefix):
        return status(value) is not None
    if key.startswith(keys.votes_prefix):
        return vote(keys, key, value) is not None
    if key.startswith(keys.disputed_prefix):
        return number(value) is not None
    return True
