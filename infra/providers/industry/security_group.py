"""`industry:index:SecurityGroup`: which connections machines may have. Its rules are exactly the declared ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.resource import Context, Properties
from infra.providers.industry.comparison import Seen
from infra.providers.industry.ec2_resource import Ec2Resource, Item
from infra.providers.industry.fields import LIST_OF_MAPS, TEXT, Field, identifier, matching
from infra.providers.industry.identity import as_map
from infra.providers.industry.rules import (
    EVERYTHING_OUT,
    as_permissions,
    check_rules,
    from_permissions,
    normal_rules,
)

__all__ = ["SecurityGroupType"]

_NAME = matching(
    r"(?!sg-)[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", "1 to 255 plain characters, not beginning with sg-"
)


class SecurityGroupType(Ec2Resource):
    """Without `egress` everything may go out; without `ingress` nothing comes in."""

    token: ClassVar[str] = "industry:index:SecurityGroup"  # noqa: S105 - a type
    kind, id_key, id_filter = "security-group", "GroupId", "group-id"
    fields: ClassVar[Mapping[str, Field]] = {
        "network_id": Field(TEXT, identifier("vpc"), required=True, replaces=True),
        "name": Field(TEXT, _NAME, required=True, replaces=True),
        "description": Field(TEXT, _NAME, default="made by Dingli", replaces=True),
        "ingress": Field(LIST_OF_MAPS, check_rules, default=(), normal=normal_rules),
        "egress": Field(LIST_OF_MAPS, check_rules, default=EVERYTHING_OUT, normal=normal_rules),
    }

    def describe(self, filters: Any) -> Sequence[Item]:
        return self.cloud.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]

    def seen(self, item: Item) -> Seen:
        inputs = {
            "network_id": item["VpcId"],
            "name": item["GroupName"],
            "description": item["Description"],
            "ingress": from_permissions(item.get("IpPermissions", []), item["GroupId"]),
            "egress": from_permissions(item.get("IpPermissionsEgress", []), item["GroupId"]),
        }
        return Seen(inputs, as_map(item.get("Tags", [])))

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        made = self.cloud.ec2_once.create_security_group(
            GroupName=wanted["name"],
            Description=wanted["description"],
            VpcId=wanted["network_id"],
            TagSpecifications=self.specification(tags),
        )
        return made["GroupId"]

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        """New rules first, so that what is in both never stops to be allowed."""
        ec2 = self.cloud.ec2
        calls: dict[str, tuple[Any, Any, Any]] = {
            "ingress": (
                ec2.authorize_security_group_ingress,
                ec2.update_security_group_rule_descriptions_ingress,
                ec2.revoke_security_group_ingress,
            ),
            "egress": (
                ec2.authorize_security_group_egress,
                ec2.update_security_group_rule_descriptions_egress,
                ec2.revoke_security_group_egress,
            ),
        }
        for name, (authorize, describe, revoke) in calls.items():
            new, old = normal_rules(wanted[name]), normal_rules(seen.inputs[name])
            there, kept = {rule.bare for rule in old}, {rule.bare for rule in new}
            parts = {
                authorize: [rule for rule in new if rule.bare not in there],
                describe: [rule for rule in new if rule.bare in there and rule not in old],
                revoke: [rule.bare for rule in old if rule.bare not in kept],
            }
            for call, rules in parts.items():
                if rules:
                    call(GroupId=resource_id, IpPermissions=as_permissions(rules, resource_id))

    def remove(self, context: Context, resource_id: str) -> None:
        self.cloud.ec2.delete_security_group(GroupId=resource_id)
