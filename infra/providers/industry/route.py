"""`industry:index:Route`: where a network sends what is for addresses outside of it: to one of its machines."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from dingli.rollout import Stage
from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Properties
from infra.providers.base.values import contains_unknown
from infra.providers.industry.cloud_resource import CloudResource
from infra.providers.industry.comparison import Seen
from infra.providers.industry.errors import code_of, explained
from infra.providers.industry.fields import TEXT, Field, cidr, identifier
from infra.providers.industry.identity import Identity

__all__ = ["RouteType"]

_TARGETS = (
    "InstanceId",
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
)
"""As a description names where a route leads; what leads to a machine may name its card, too."""


class RouteType(CloudResource):
    """In the network's main route table. Its id is the network's with the destination: a table has one route for each.

    Clouds put no tags on routes: one that leads to the declared machine is taken for the declared one.
    """

    token: ClassVar[str] = "industry:index:Route"  # noqa: S105 - a type
    tagged: ClassVar[bool] = False
    fields: ClassVar[Mapping[str, Field]] = {
        "network_id": Field(TEXT, identifier("vpc"), required=True, replaces=True),
        "destination": Field(TEXT, cidr, required=True, replaces=True),
        "instance_id": Field(TEXT, identifier("i"), required=True),
    }

    def find(self, identity: Identity, wanted: Properties) -> str | None:
        """Whoever made it: adopted if it leads to the same machine."""
        return self._same(wanted)

    def _same(self, wanted: Properties) -> str | None:
        resource_id = f"{wanted['network_id']}/{wanted['destination']}"
        seen = self.look(resource_id)
        if seen is None:
            return None
        there = seen.inputs["instance_id"]
        if there != wanted["instance_id"]:
            raise ProviderError(
                f"{wanted['network_id']} sends {wanted['destination']} to {there} already",
                f"no such route, or one to {wanted['instance_id']}",
                f"remove it if nobody needs it, or take it over: `pulumi import {self.token} RESOURCE {resource_id}`",
            )
        return resource_id

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        """Once: a cloud may say of the second time that the route exists."""
        place = {"RouteTableId": self._table_id(wanted["network_id"]), "DestinationCidrBlock": wanted["destination"]}
        try:
            self.cloud.ec2_once.create_route(**place, InstanceId=wanted["instance_id"])
        except ClientError as error:
            if code_of(error) != "RouteAlreadyExists" or self._same(wanted) is None:
                raise
        return f"{wanted['network_id']}/{wanted['destination']}"

    def look(self, resource_id: str) -> Seen | None:
        network_id, _, destination = resource_id.partition("/")
        for route in (self._table(network_id) or {}).get("Routes", []):
            if route.get("DestinationCidrBlock") == destination:
                leads_to = next((route[key] for key in _TARGETS if route.get(key)), None)
                return Seen({"network_id": network_id, "destination": destination, "instance_id": leads_to}, {})
        return None

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        """Not before the roll-out goes on to all hosts: until then the role of the gateway may not have been applied,
        which would lead packets to a machine that drops them. The state says so, and the next stage makes it."""
        if Stage.current().canaries is None or context.preview or contains_unknown(news):
            return super().create(context, news)
        context.log.info("waits for the canaries")
        return f"{news['network_id']}/{news['destination']}", {**news, "drift": {"completion": "waits for canaries"}}

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        """One that waits, or that the cloud dropped together with its machine, is made."""
        with explained(self.cloud, context.name):
            gone = self.gone(resource_id)
        if gone and (context.preview or contains_unknown(news)):
            return {**state, **news}
        if gone:
            return self.create(context, news)[1]
        return super().update(context, resource_id, state, news)

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        table_id = self._table_id(wanted["network_id"])
        self.cloud.ec2.replace_route(
            RouteTableId=table_id, DestinationCidrBlock=wanted["destination"], InstanceId=wanted["instance_id"]
        )

    def remove(self, context: Context, resource_id: str) -> None:
        network_id, _, destination = resource_id.partition("/")
        self.cloud.ec2.delete_route(RouteTableId=self._table_id(network_id), DestinationCidrBlock=destination)

    def tag(self, resource_id: str, tags: Mapping[str, str], dropped: Collection[str]) -> None:
        """Nothing: no cloud has tags on routes."""

    def _table(self, network_id: str) -> Mapping[str, Any] | None:
        """The table of every subnet that has none of its own."""
        filters: Any = [
            {"Name": "vpc-id", "Values": [network_id]},
            {"Name": "association.main", "Values": ["true"]},
        ]
        found = self.cloud.ec2.describe_route_tables(Filters=filters)["RouteTables"]
        return found[0] if found else None

    def _table_id(self, network_id: str) -> str:
        found = self._table(network_id)
        if found is None:
            raise ProviderError(
                f"{network_id} has no main route table",
                "one, which clouds make with every network",
                "does this cloud have route tables? Sites on it can have no gateway of lines otherwise",
            )
        return str(found["RouteTableId"])
