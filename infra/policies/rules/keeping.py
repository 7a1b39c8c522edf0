"""Evidence, state and archive lie where nobody can alter or delete them before their time."""

from __future__ import annotations

from collections.abc import Iterator

from infra.policies.rule import GBT_22239, UNKNOWN, Breach, Clause, Resource, Rule
from infra.providers.industry.labels import BUCKET, HOLDS

__all__ = ["LOCKED"]

_KEPT = ("evidence", "state", "archive")
_WORDS = (*_KEPT, "other")
_NOT_SAID = "evidence"  # a bucket that does not say what it holds may hold what matters most


def _judge(resource: Resource) -> Iterator[Breach]:
    tags = resource.tags
    said = None if tags is None else tags.get(HOLDS)
    if tags is None or said is UNKNOWN:
        return
    if said is not None and said not in _WORDS:
        yield Breach(
            f"the tag `{HOLDS}` is {said!r}", f"one of {', '.join(_WORDS)}", "correct `buckets` in the environment file"
        )
        return
    what = f"the bucket holds {said}" if said else f"the bucket has no tag `{HOLDS}`, so it counts as {_NOT_SAID}"
    if (said or _NOT_SAID) not in _KEPT:
        return
    if resource.inputs.get("versioning") is False:
        yield Breach(f"{what}, and keeps no versions", "every version is kept", "leave `versioning` out")
    lock = resource.inputs.get("object_lock")
    if lock is None:
        yield Breach(
            f"{what}, and has no object lock",
            "`object_lock` with a mode and a period",
            "declare `object_lock: {mode: COMPLIANCE, days: 180}` (a bucket that is there has to be made anew), "
            f"or tag it `{HOLDS}: other` if it holds none of {', '.join(_KEPT)}",
        )
    elif said != "state" and lock is not UNKNOWN and lock.get("mode") == "GOVERNANCE":
        yield Breach(
            f"{what}, and its lock is GOVERNANCE, which an administrator can lift",
            "a lock in COMPLIANCE mode",
            "declare `mode: COMPLIANCE`: nobody can shorten that one, so choose its period with care",
        )


LOCKED = Rule(
    "locked-buckets",
    "Buckets with evidence, state or archive keep every version, locked",
    (Clause(GBT_22239, "8.1.4.7.b", "存储完整性"), Clause(GBT_22239, "8.1.4.3.c", "记录保护与备份")),
    frozenset({BUCKET}),
    _judge,
)
