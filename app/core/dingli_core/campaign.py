"""Who may lead, when, and how the leader key is created (docs/protocol.md, section 8.1)."""

import asyncio
from dataclasses import dataclass

import structlog
from dingli_etcd import Client, DefiniteError, EtcdError, LeaseNotFoundError
from dingli_etcd import etcd_pb2 as pb
from dingli_etcd.operations import create_revision_is, delete, get, is_absent, mod_revision_is, put, value_is

from dingli_core.keys import Keys
from dingli_core.view import CellView

__all__ = [
    "Candidate",
    "campaign",
    "campaign_delay_s",
    "drop_overdue_handover",
    "failover_limitation",
    "generation_problem",
    "step_down",
]

PLACE_DELAY_S = 0.150
LAG_DELAY_S = 0.001
LONGEST_LAG_DELAY_S = 1.0
HANDOVER_LIMIT_S = 0.5
RETRY_S = 0.02
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a core knows of itself when it asks whether it may campaign."""

    core: str
    head: int
    newest_known: int | None
    """None while the log has not been read to its end once."""
    lease_alive: bool
    clock_problem: str | None
    generation_problem: str | None = None


def generation_problem(configured: int, reached: int) -> str | None:
    """Why this core must not write: its configuration was left behind by a promotion by hand."""
    if configured >= reached:
        return None
    return f"its configuration states generation {configured}, the log has reached {reached}: deploy it again"


def failover_limitation(view: CellView, me: Candidate) -> str | None:
    """Why this core may not campaign now; None if it may."""
    policy = view.policy()
    handover = view.handover()
    named = handover is not None and handover[0] == me.core
    leader = view.leader()
    newest = me.newest_known
    reasons = (
        (not view.polled_at, "the cell's keys have not been read yet"),
        (leader is not None, f"{(leader and leader.core) or 'whoever wrote an unreadable leader key'} leads"),
        (view.halted(), "the cell is halted: an operator must delete the halt key"),
        (view.quarantined(me.core), "this core is quarantined"),
        (policy is None, "there is no policy key"),
        (policy is not None and me.core not in policy.cores, "the policy does not name this core"),
        (policy is not None and me.core not in policy.automatic and not named, "takeover of this core is manual"),
        (handover is not None and not named, f"leadership is handed over to {handover[0] if handover else ''}"),
        (newest is None, "the log has not been read yet"),
        (newest is not None and me.head < newest, "entries that it knows of are not applied yet"),
        (me.clock_problem is not None, me.clock_problem or ""),
        (me.generation_problem is not None, me.generation_problem or ""),
        (not me.lease_alive, "there is no live lease"),
    )
    return next((text for applies, text in reasons if applies), None)


def campaign_delay_s(view: CellView, me: Candidate) -> float:
    """How long after the leader went this core waits: cores of lower preference later."""
    handover = view.handover()
    policy = view.policy()
    named = handover is not None and handover[0] == me.core
    place = policy.automatic.index(me.core) if policy and not named and me.core in policy.automatic else 0
    lag = (me.newest_known or 0) - me.head
    return place * PLACE_DELAY_S + min(LONGEST_LAG_DELAY_S, max(0, lag) * LAG_DELAY_S)


async def campaign(client: Client, keys: Keys, view: CellView, core: str, value: bytes, lease: int) -> int | None:
    """The epoch if the leader key was created, None if not. Repeats until the answer is definite."""
    policy = view.policy()
    handover = view.handover()
    if policy is None:
        return None
    compare, success = _campaign_request(keys, view.policy_revision(), core, value, lease, handover)
    while True:
        try:
            response = await client.txn(compare, success, [get(keys.leader)])
        except DefiniteError as error:
            log.warning("the campaign was refused", error=str(error))
            return None
        except EtcdError as error:
            log.warning("the campaign's outcome is unknown; asking again", error=str(error))
            await asyncio.sleep(RETRY_S)
            continue
        if response.succeeded:
            return response.header.revision
        # An earlier try of this very process may have succeeded unseen: its incarnation and lease are in the key.
        for kv in response.responses[0].response_range.kvs:
            if kv.value == value and kv.lease == lease:
                return kv.create_revision
        return None


def _campaign_request(
    keys: Keys, policy_revision: int, core: str, value: bytes, lease: int, handover: tuple[str, int] | None
) -> tuple[list[pb.Compare], list[pb.RequestOp]]:
    compare = [
        is_absent(keys.leader),
        mod_revision_is(keys.policy, policy_revision),
        is_absent(keys.halt),
        is_absent(keys.quarantine(core)),
    ]
    success = [put(keys.leader, value, lease)]
    if handover is None:
        compare.append(is_absent(keys.handover))
    else:
        compare.append(value_is(keys.handover, core.encode("ascii")))
        success.append(delete(keys.handover))
    return compare, success


async def drop_overdue_handover(client: Client, keys: Keys, view: CellView) -> None:
    """Deletes a hand-over whose target has not led within 500 ms, unless it was changed meanwhile."""
    handover = view.handover()
    if handover is None or view.leader() is not None or view.handover_age_s() < HANDOVER_LIMIT_S:
        return
    log.warning("the hand-over is overdue and is deleted", target=handover[0])
    await client.txn([mod_revision_is(keys.handover, handover[1])], [delete(keys.handover)])


async def step_down(client: Client, keys: Keys, epoch: int, handover: str | None = None) -> None:
    """Gives leadership up, to `handover` if stated. Repeats until it is known that we do not lead.

    What etcd refuses for good (a full store takes no hand-over, say) is not asked again: the lease goes instead, and
    the leader key with it.
    """
    success = [delete(keys.leader)]
    if handover is not None:
        success += [delete(keys.switch), put(keys.handover, handover.encode("ascii"))]
    while True:
        try:
            await client.txn([create_revision_is(keys.leader, epoch)], success)
            return
        except DefiniteError as error:
            log.error("stepping down was refused; revoking the lease", error=str(error))
            if await _revoke_lease_of(client, keys, epoch):
                return
        except EtcdError as error:
            log.warning("stepping down: no answer yet; asking again", error=str(error))
        await asyncio.sleep(RETRY_S)


async def _revoke_lease_of(client: Client, keys: Keys, epoch: int) -> bool:
    """Ends an epoch with its lease; True when it is over."""
    try:
        found = (await client.range(keys.leader)).kvs
        if found and found[0].create_revision == epoch:
            await client.lease_revoke(found[0].lease)
    except LeaseNotFoundError:
        return True
    except EtcdError as error:
        log.warning("the lease could not be revoked; asking again", error=str(error))
        return False
    return True
