"""Keeps the etcd leader away from the active core's own site, at another same-city member."""

from __future__ import annotations

import logging
import threading

from dingli_minicore.config import Config
from dingli_minicore.etcd import Etcd
from dingli_minicore.exceptions import EtcdError

__all__ = ["Placement", "choose_member"]

_log = logging.getLogger("dingli.placement")
_STEADY_S = 5.0
_AGAIN_S = 15.0


def choose_member(host: str, same_city: tuple[str, ...], leader: str, healthy: list[str]) -> str | None:
    """The member that should lead etcd instead of `leader`; None to leave it.

    A new etcd leader renews every lease in full, so it must not fall together with the core that leads.
    """
    allowed = [name for name in same_city if name != host]
    if leader in allowed:
        return None
    return next((name for name in allowed if name in healthy), None)


class Placement(threading.Thread):
    """Looks after the etcd leader while this core leads."""

    def __init__(self, config: Config) -> None:
        super().__init__(name="placement", daemon=True)
        self._config = config
        self._ended = threading.Event()

    def stop(self) -> None:
        """Move nothing any more."""
        self._ended.set()

    def run(self) -> None:
        """After a steady while, and then from time to time."""
        if not self._config.same_city or self._ended.wait(_STEADY_S):
            return
        etcd = Etcd(self._config.etcd, max(1.0, self._config.deadline_s))
        while True:
            try:
                self._place(etcd)
            except EtcdError as error:
                _log.warning("the etcd leader stays where it is: %s", error)
            if self._ended.wait(_AGAIN_S):
                etcd.close()
                return

    def _place(self, etcd: Etcd) -> None:
        members = etcd.call("/v3/cluster/member/list", {})["members"]
        names = {each["ID"]: each.get("name", "") for each in members}
        answers: dict[str, int] = {}
        leader = ""
        for index in range(len(self._config.etcd.endpoints)):
            etcd.at = index
            try:
                status = etcd.call("/v3/maintenance/status", {})
            except EtcdError as error:
                _log.info("member not healthy: %s", error)
                continue
            answers[status["header"]["member_id"]] = index
            leader = status.get("leader", leader)
        if leader not in answers or self._ended.is_set():
            return
        healthy = [names[member] for member in answers if member in names]
        target = choose_member(self._config.host, self._config.same_city, names.get(leader, ""), healthy)
        if target is not None:
            _log.info("moving the etcd leader from %s to %s", names.get(leader), target)
            etcd.at = answers[leader]
            (target_id,) = [member for member, name in names.items() if name == target]
            etcd.call("/v3/maintenance/transfer-leadership", {"targetID": target_id})
