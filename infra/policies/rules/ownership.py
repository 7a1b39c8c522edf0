"""Everything on the industry cloud says who answers for it and is charged for it."""

from __future__ import annotations

from collections.abc import Iterator

from infra.policies.rule import GBT_22239, UNKNOWN, Breach, Clause, Resource, Rule
from infra.providers.industry.labels import OWNER, TAGGED

__all__ = ["OWNED"]


def _judge(resource: Resource) -> Iterator[Breach]:
    """Environment and resource are told by tags that the provider itself puts on everything."""
    tags = resource.tags
    said = None if tags is None else tags.get(OWNER)
    if tags is None or said is UNKNOWN:
        return
    if not isinstance(said, str) or not said.strip():
        found = f"no tag `{OWNER}`" if said is None else f"the tag `{OWNER}` is {said!r}"
        yield Breach(
            f"{found}: nobody answers for it or is charged for it",
            f"the tag `{OWNER}` with the name of a team or a cost centre",
            "declare `owner` in the environment file and pass `tags=resource_tags(environment)`",
        )


OWNED = Rule(
    "owner-tag",
    "What is on the industry cloud has an owner",
    (Clause(GBT_22239, "8.1.10.2.b", "资产标识"),),
    TAGGED,
    _judge,
)
