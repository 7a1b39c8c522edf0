"""`industry:index:Network`: a private network (VPC)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.resource import Context, Properties
from infra.providers.industry.comparison import Seen
from infra.providers.industry.ec2_resource import Ec2Resource, Item
from infra.providers.industry.fields import FLAG, TEXT, Field, cidr, flag
from infra.providers.industry.identity import as_map

__all__ = ["NetworkType"]


class NetworkType(Ec2Resource):
    """The addresses that subnets divide."""

    token: ClassVar[str] = "industry:index:Network"  # noqa: S105 - a type
    kind, id_key, id_filter = "vpc", "VpcId", "vpc-id"
    fields: ClassVar[Mapping[str, Field]] = {
        "cidr": Field(TEXT, cidr, required=True, replaces=True),
        "dns_hostnames": Field(FLAG, flag, default=False),
    }

    def describe(self, filters: Any) -> Sequence[Item]:
        return self.cloud.ec2.describe_vpcs(Filters=filters)["Vpcs"]

    def seen(self, item: Item) -> Seen:
        names = self.cloud.ec2.describe_vpc_attribute(VpcId=item["VpcId"], Attribute="enableDnsHostnames")
        inputs = {"cidr": item["CidrBlock"], "dns_hostnames": names["EnableDnsHostnames"]["Value"]}
        return Seen(inputs, as_map(item.get("Tags", [])))

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        made = self.cloud.ec2_once.create_vpc(CidrBlock=wanted["cidr"], TagSpecifications=self.specification(tags))
        return made["Vpc"]["VpcId"]

    def settle(self, context: Context, resource_id: str) -> None:
        self.wait_until_available(context, resource_id)

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        if "dns_hostnames" in changed:
            self.cloud.ec2.modify_vpc_attribute(
                VpcId=resource_id, EnableDnsHostnames={"Value": wanted["dns_hostnames"]}
            )

    def remove(self, context: Context, resource_id: str) -> None:
        self.cloud.ec2.delete_vpc(VpcId=resource_id)
