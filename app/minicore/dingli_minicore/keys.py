"""Names of a cell's keys, and what the small ones say (section 2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache

from dingli_minicore.etcd import Kv

__all__ = ["Keys", "Leader", "Policy", "View"]


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
        """The n of a key of the log; None for other keys."""
        prefix = self.base + "log/"
        return int(key[len(prefix) :], 16) if key.startswith(prefix) else None

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


@lru_cache(maxsize=4)
def _policy(value: bytes, mod_revision: int) -> Policy:
    return Policy({core: each["takeover"] for core, each in json.loads(value)["cores"].items()}, mod_revision)


class View:
    """The small keys as this core last saw them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._kv: dict[str, Kv] = {}
        self.revision = 0

    def replace(self, kvs: list[Kv], revision: int) -> None:
        """A complete read of the small keys."""
        self._kv = {kv.key: kv for kv in kvs}
        self.revision = revision

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
        data = json.loads(kv.value)
        return Leader(data["core"], str(data["incarnation"]), data["address"], kv.create_revision, kv.lease)

    @property
    def policy(self) -> Policy | None:
        """The policy."""
        kv = self._kv.get(self._keys.policy)
        return None if kv is None else _policy(kv.value, kv.mod_revision)

    @property
    def handover(self) -> tuple[str, int] | None:
        """The core that may campaign next, and the key's mod revision."""
        kv = self._kv.get(self._keys.handover)
        return None if kv is None else (kv.value.decode(), kv.mod_revision)

    @property
    def switch(self) -> str | None:
        """The core to which the leader is asked to hand over."""
        kv = self._kv.get(self._keys.switch)
        return None if kv is None else kv.value.decode()

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
        return kv is not None and int(kv.value) <= n

    def votes(self) -> dict[int, dict[str, bytes]]:
        """Votes by number, then by core as key names write it."""
        prefix = self._keys.base + "votes/"
        found: dict[int, dict[str, bytes]] = {}
        for key, kv in self._kv.items():
            if key.startswith(prefix):
                number, _, core = key[len(prefix) :].partition("/")
                found.setdefault(int(number, 16), {})[core] = bytes.fromhex(kv.value.decode())
        return found
