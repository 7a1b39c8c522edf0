"""Where the etcd leader should live: on the other same-city site, not beside the active core.

A new etcd leader renews every lease in full, so losing both at once would add the whole lease to the takeover.
"""

import asyncio
from collections.abc import Callable

import structlog
from dingli_etcd import Client, EtcdError

from dingli_core.config import Config

__all__ = ["Placement", "preferred_member"]

LOOK_S = 5.0
LAG_ENTRIES = 1_000
log = structlog.get_logger()


def preferred_member(present: str, own_host: str, same_city: list[str], healthy: set[str]) -> str | None:
    """To which member the etcd leader should move; None if it is well where it is, or has nowhere better to go."""
    others = [member for member in same_city if member != own_host]
    if present in others:
        return None
    return next((member for member in others if member in healthy), None)


class Placement:
    """Moves the etcd leader while this core leads and nothing else is going on."""

    def __init__(self, config: Config, client: Client, is_leading: Callable[[], bool]) -> None:
        self._config = config
        self._client = client
        self._is_leading = is_leading

    async def run(self) -> None:
        steady = 0
        while True:
            await asyncio.sleep(LOOK_S)
            steady = steady + 1 if self._is_leading() else 0
            if steady >= 2 and self._config.same_city_journal_members:
                try:
                    await self._place()
                except EtcdError as error:
                    log.warning("the etcd leader could not be moved", error=str(error))

    async def _place(self) -> None:
        statuses = await self._client.statuses()
        leader = next((status for status in statuses if status.member_id == status.leader_id), None)
        if leader is None:
            return
        names = await self._client.member_names()
        near = {status.member_id for status in statuses if leader.applied_index - status.applied_index < LAG_ENTRIES}
        healthy = {names[member] for member in near if member in names}
        present = names.get(leader.member_id, "")
        target = preferred_member(present, self._config.host, self._config.same_city_journal_members, healthy)
        if target is None:
            return
        log.info("moving the etcd leader", present=present, target=target)
        target_id = next(member for member, name in names.items() if name == target)
        await self._client.move_leader(leader.url, target_id)
