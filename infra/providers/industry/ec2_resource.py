"""What the resources of EC2 have in common: they are found by tags or by id, and tagged when they are made."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Difference, Properties
from infra.providers.base.values import contains_unknown
from infra.providers.industry.cloud_resource import CloudResource
from infra.providers.industry.comparison import Seen
from infra.providers.industry.identity import Identity, as_list
from infra.providers.industry.waiting import wait

__all__ = ["Ec2Resource"]

_ACCEPTED = "accept_replacement"
Item = Mapping[str, Any]
"""An object as EC2 describes it."""


class Ec2Resource(CloudResource):
    """`kind`: as a tag specification names it. `id_key`: where a description has the id; `id_filter`: its filter.

    What holds data has the field `accept_replacement`: another object takes its place only if that is the id of the one
    that goes.
    """

    kind: ClassVar[str]
    id_key: ClassVar[str]
    id_filter: ClassVar[str]

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        found = super().diff(context, state, news)
        if _ACCEPTED not in self.fields or news.get(_ACCEPTED) == context.resource_id:
            return found
        # Refused by `update`: a refresh asks for the difference to the old inputs, and may not fail over them.
        return Difference(found.changed, delete_before_replace=True)

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        others = [name for name in super().diff(context, state, news).replaced if not contains_unknown(news.get(name))]
        if others:
            drift, fields = state.get("drift") or {}, [name for name in others if name in self.fields]
            why = [f"{name}: {self.fields[name].difference(news.get(name), state.get(name))}" for name in fields]
            why += [f"{name}: {drift[name]}" for name in drift if "drift" in others]
            raise ProviderError(
                f"{context.name}: another {self.kind} would take the place of {resource_id}, which goes with its data: "
                f"{'; '.join(why)}",
                "that somebody accepts that",
                f"if it is meant, set `{_ACCEPTED}: {resource_id}` on {context.name}; if not, take the change back",
            )
        return super().update(context, resource_id, state, news)

    @abstractmethod
    def describe(self, filters: Any) -> Sequence[Item]:
        """What the cloud has."""

    @abstractmethod
    def seen(self, item: Item) -> Seen:
        """The object's fields; may ask for what the description lacks."""

    def alive(self, item: Item) -> bool:
        """False for what is only remembered by the cloud."""
        return True

    def item(self, resource_id: str) -> Item | None:
        """The description of one object."""
        found = self.describe([{"Name": self.id_filter, "Values": [resource_id]}])
        return next((one for one in found if self.alive(one)), None)

    def look(self, resource_id: str) -> Seen | None:
        found = self.item(resource_id)
        return None if found is None else self.seen(found)

    def gone(self, resource_id: str) -> bool:
        return self.item(resource_id) is None

    def find(self, identity: Identity, wanted: Properties) -> str | None:
        found = [str(one[self.id_key]) for one in self.describe(identity.filters) if self.alive(one)]
        if len(found) > 1:
            raise ProviderError(
                f"{len(found)} objects have the tags of {identity.resource}: {', '.join(found)}",
                "one at most",
                "look which of them is in use, and delete the others, or their tags",
            )
        return found[0] if found else None

    def tag(self, resource_id: str, tags: Mapping[str, str], dropped: Collection[str]) -> None:
        self.cloud.ec2.create_tags(Resources=[resource_id], Tags=as_list(tags))
        if dropped:
            self.cloud.ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in sorted(dropped)])

    def wait_until_available(self, context: Context, resource_id: str) -> None:
        """For what is pending at first."""

        def available() -> bool:
            item = self.item(resource_id)
            return item is not None and item["State"] == "available"

        wait(self.cloud, context, f"{resource_id} is available", available)

    def specification(self, tags: Mapping[str, str]) -> Any:
        """The tags, as a call that makes something takes them."""
        return [{"ResourceType": self.kind, "Tags": as_list(tags)}]
