"""`industry:index:Subnet`: a part of a network, in one zone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.resource import Context, Properties
from infra.providers.industry.comparison import Seen
from infra.providers.industry.ec2_resource import Ec2Resource, Item
from infra.providers.industry.fields import FLAG, TEXT, Field, cidr, flag, identifier, matching
from infra.providers.industry.identity import as_map

__all__ = ["SubnetType"]


class SubnetType(Ec2Resource):
    """`public_addresses`: machines get one of the cloud's public addresses as well."""

    token: ClassVar[str] = "industry:index:Subnet"  # noqa: S105 - a type
    kind, id_key, id_filter = "subnet", "SubnetId", "subnet-id"
    fields: ClassVar[Mapping[str, Field]] = {
        "network_id": Field(TEXT, identifier("vpc"), required=True, replaces=True),
        "cidr": Field(TEXT, cidr, required=True, replaces=True),
        "zone": Field(TEXT, matching(r"\S+", "the name of a zone"), free=True, replaces=True),
        "public_addresses": Field(FLAG, flag, default=False),
    }

    def describe(self, filters: Any) -> Sequence[Item]:
        return self.cloud.ec2.describe_subnets(Filters=filters)["Subnets"]

    def seen(self, item: Item) -> Seen:
        inputs = {
            "network_id": item["VpcId"],
            "cidr": item["CidrBlock"],
            "zone": item["AvailabilityZone"],
            "public_addresses": item.get("MapPublicIpOnLaunch", False),
        }
        return Seen(inputs, as_map(item.get("Tags", [])))

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        zone: Any = {"AvailabilityZone": wanted["zone"]} if wanted["zone"] else {}
        made = self.cloud.ec2_once.create_subnet(
            VpcId=wanted["network_id"], CidrBlock=wanted["cidr"], TagSpecifications=self.specification(tags), **zone
        )
        return made["Subnet"]["SubnetId"]

    def settle(self, context: Context, resource_id: str) -> None:
        self.wait_until_available(context, resource_id)

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        if "public_addresses" in changed:
            self.cloud.ec2.modify_subnet_attribute(
                SubnetId=resource_id, MapPublicIpOnLaunch={"Value": wanted["public_addresses"]}
            )

    def remove(self, context: Context, resource_id: str) -> None:
        self.cloud.ec2.delete_subnet(SubnetId=resource_id)
