"""Names of a cell's keys, and what the small ones say (section 2)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from dingli_minicore.etcd import Kv

__all__ = ["Keys", "Leader", "Policy", "View"]

T = TypeVar("T")
_log = logging.getLogger("dingli.keys")
_ENTRY = re.compile("log/(?P<n>[0-9a-f]{16})")
_VOTE = re.compile("(?P<n>[0-9a-f]{16})/(?P<core>[!-~]{1,64})")
_WORD = re.compile("[!-~]{1,255}")
_HEX = re.compile("[0-9a-f]{64}")


class Keys:
    """Names of the keys of a cell."""

    def __init__(self, cell: str, core_id: str) -> None:
        self.base = f"/dingli/v1/{cell}/"
        self.me = core_id.replace("/", ":")
        self.leader, self.policy = self.base + "leader", self.base + "policy"
        self.handover, self.switch, self.halt = self.base + "handover", self.base + "switch", self.base + "halt"
        self.status = f"{self.base}status/{self.me}"
        self.statuses = (self.base + "status/", self.base + "status0")
        self.quarantine = f"{self.base}quarantine/{self.me}"
        self.log_end = self.base + "log0"
        self.small = (
            (self.base + "disputed/", self.base + "log/"),
            (self.base + "policy", self.base + "status/"),
            (self.base + "switch", self.base + "w"),
        )
        """Ranges that hold every small key, and neither the log nor statuses."""
        self.watched = (self.base + "disputed/", self.base + "status/")
        """One range with the log and the small keys that matter most."""

    def log(self, n: int) -> str:
        """The key of entry n."""
        return f"{self.base}log/{n:016x}"

    def log_number(self, key: str) -> int | None:
        """The n of an entry's key; None for other keys."""
        found = _ENTRY.fullmatch(key, len(self.base)) if key.startswith(self.base) else None
        return int(found["n"], 16) if found else None

    def vote(self, n: int) -> str:
        """The key of this core's vote about the hash after n."""
        return f"{self.base}votes/{n:016x}/{self.me}"

    def disputed(self, epoch: int) -> str:
        """The key that says from where on an epoch's hashes do not count."""
        return f"{self.base}disputed/{epoch:016x}"

    def quarantine_of(self, core_id: str) -> str:
        """The key that bars a core."""
        return f"{self.base}quarantine/{core_id.replace('/', ':')}"


@dataclass(frozen=True, slots=True)
class Leader:
    """The leader key."""

    core: str
    incarnation: str
    address: str
    epoch: int
    lease: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may lead, in order of preference: core id to takeover."""

    cores: dict[str, str]
    mod_revision: int

    def place(self, core_id: str) -> int:
        """The place of a core among the automatic ones, from 0."""
        automatic = [core for core, takeover in self.cores.items() if takeover == "automatic"]
        return automatic.index(core_id) if core_id in automatic else len(automatic)


# What the readers below may raise for what others wrote; whatever it is, the key cannot be read.
_UNFIT = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def _word(value: object) -> str:
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise ValueError("no name")
    return value


def _core_name(value: bytes) -> str:
    return _word(value.decode("ascii"))


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 64:
        raise ValueError("no whole number")
    return value


def _decimal(value: bytes) -> int:
    return _whole(int(value)) if value.isdigit() and len(value) <= 20 else _whole(None)


def _leading(value: bytes) -> tuple[str, str, str]:
    said = json.loads(value)
    address = said["address"]
    return _word(said["core"]), _word(said["incarnation"]), _word(address) if address else ""


def _takeovers(value: bytes) -> dict[str, str]:
    said = json.loads(value)
    _whole(said["revision"])
    takeovers = {_word(core): rule["takeover"] for core, rule in said["cores"].items()}
    if any(each not in ("automatic", "manual") for each in takeovers.values()):
        raise ValueError("no takeover")
    return takeovers


def _pulse(value: bytes) -> tuple[int, int]:
    said = json.loads(value)
    return _whole(said["time_ns"]), _whole(said["head"])


def _hash(value: bytes) -> bytes:
    if not _HEX.fullmatch(value.decode("ascii")):
        raise ValueError("no hash")
    return bytes.fromhex(value.decode("ascii"))


def _nothing(value: bytes) -> bytes:
    raise ValueError("the name of the key")


class View:
    """The small keys as this core last saw them. What cannot be read counts as section 2 says, and is told once."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._kv: dict[str, Kv] = {}
        self._contents: dict[str, tuple[int, Any]] = {}
        self.revision = 0

    def _content(self, kv: Kv, read: Callable[[bytes], T]) -> T | None:
        """What a key says, read once for each time it was written; None if it cannot be read."""
        known = self._contents.get(kv.key)
        if known is None or known[0] != kv.mod_revision:
            try:
                content = read(kv.value)
            except _UNFIT as error:
                _log.error("key %r cannot be read (%s): %.200r; an operator must look at it", kv.key, error, kv.value)
                content = None
            known = self._contents[kv.key] = kv.mod_revision, content
        found: T | None = known[1]
        return found

    @property
    def unreadable(self) -> int:
        """How many of the keys that were looked at cannot be read."""
        return sum(1 for _, content in list(self._contents.values()) if content is None)

    def replace(self, kvs: list[Kv], revision: int) -> None:
        """A complete read of the small keys."""
        self._kv = {kv.key: kv for kv in kvs}
        self.revision = revision
        statuses = self._keys.statuses[0]
        gone = [key for key in self._contents if key not in self._kv and not key.startswith(statuses)]
        for key in gone:
            del self._contents[key]

    def update(self, kv: Kv, deleted: bool) -> None:
        """One event of a watch; older than the last complete read, it says nothing."""
        if kv.mod_revision > self.revision:
            if deleted:
                self._kv.pop(kv.key, None)
            else:
                self._kv[kv.key] = kv

    @property
    def leader(self) -> Leader | None:
        """Who leads."""
        kv = self._kv.get(self._keys.leader)
        if kv is None:
            return None
        return Leader(*(self._content(kv, _leading) or ("?", "", "")), kv.create_revision, kv.lease)

    @property
    def policy(self) -> Policy | None:
        """The policy."""
        kv = self._kv.get(self._keys.policy)
        return None if kv is None else Policy(self._content(kv, _takeovers) or {}, kv.mod_revision)

    @property
    def handover(self) -> tuple[str, int] | None:
        """The core that may campaign next, and the key's mod revision."""
        kv = self._kv.get(self._keys.handover)
        return None if kv is None else (self._content(kv, _core_name) or "?", kv.mod_revision)

    @property
    def switch(self) -> tuple[str, int] | None:
        """The core to which the leader is asked to hand over, and the key's mod revision."""
        kv = self._kv.get(self._keys.switch)
        return None if kv is None else (self._content(kv, _core_name) or "?", kv.mod_revision)

    @property
    def halted(self) -> bool:
        """Whether the cell stands still until an operator decides."""
        return self._keys.halt in self._kv

    def is_quarantined(self, core_id: str) -> bool:
        """Whether a core is barred."""
        return self._keys.quarantine_of(core_id) in self._kv

    def disputes(self, epoch: int, n: int) -> bool:
        """Whether the hash in entry n of `epoch` does not count."""
        kv = self._kv.get(self._keys.disputed(epoch))
        since = None if kv is None else self._content(kv, _decimal)
        return since is not None and since <= n

    def votes(self) -> dict[int, dict[str, bytes]]:
        """Votes by number, then by core as key names write it."""
        prefix = self._keys.base + "votes/"
        found: dict[int, dict[str, bytes]] = {}
        for key, kv in self._kv.items():
            if key.startswith(prefix):
                name = _VOTE.fullmatch(key, len(prefix))
                vote = self._content(kv, _hash if name else _nothing)
                if name and vote is not None:
                    found.setdefault(int(name["n"], 16), {})[name["core"]] = vote
        return found

    def pulses(self, kvs: tuple[Kv, ...]) -> dict[str, tuple[int, int]]:
        """Time and head of each status, by core as key names write it."""
        prefix = self._keys.statuses[0]
        read = {kv.key[len(prefix) :]: self._content(kv, _pulse) for kv in kvs if kv.key.startswith(prefix)}
        return {core: pulse for core, pulse in read.items() if pulse is not None}
