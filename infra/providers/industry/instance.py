"""`industry:index:Instance`: a machine with a fixed private address, from an image of its own architecture."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Properties
from infra.providers.industry.comparison import Seen
from infra.providers.industry.ec2_resource import Ec2Resource, Item
from infra.providers.industry.fields import (
    FLAG,
    LIST_OF_TEXT,
    TEXT,
    Field,
    address,
    flag,
    identifier,
    identifiers,
    matching,
    one_of,
)
from infra.providers.industry.identity import ARCHITECTURE, as_map
from infra.providers.industry.image import ARCHITECTURES, architecture_of, require_architecture
from infra.providers.industry.waiting import wait

__all__ = ["InstanceType"]

_USER_DATA_BYTES = 16 * 1024
_GONE = ("shutting-down", "terminated")


def _user_data(value: Any) -> str | None:
    if not isinstance(value, str):
        return "is not text"
    size = len(value.encode())
    return None if size <= _USER_DATA_BYTES else f"has {size} bytes, expected at most {_USER_DATA_BYTES}"


class InstanceType(Ec2Resource):
    """`running: false` keeps it stopped. A new `instance_type` needs a stop, which the preview says."""

    token: ClassVar[str] = "industry:index:Instance"  # noqa: S105 - a type
    kind, id_key, id_filter = "instance", "InstanceId", "instance-id"
    fields: ClassVar[Mapping[str, Field]] = {
        "image_id": Field(TEXT, identifier("ami"), required=True, replaces=True),
        "architecture": Field(TEXT, one_of(*ARCHITECTURES), required=True, replaces=True),
        "instance_type": Field(TEXT, matching(r"\S+", "the name of a machine size"), required=True),
        "subnet_id": Field(TEXT, identifier("subnet"), required=True, replaces=True),
        "private_address": Field(TEXT, address, required=True, replaces=True),
        "security_group_ids": Field(LIST_OF_TEXT, identifiers("sg"), free=True, normal=sorted),
        "key_name": Field(TEXT, matching(r".{1,255}", "the name of a key pair"), replaces=True),
        # it may hold secrets, and acts at the first boot only
        "user_data": Field(TEXT, _user_data, default="", replaces=True, told=False),
        # false for a machine that forwards: the cloud passes on what is neither from its address nor to it
        "source_dest_check": Field(FLAG, flag, default=True),
        "running": Field(FLAG, flag, default=True),
        "accept_replacement": Field(TEXT, identifier("i")),
    }

    def describe(self, filters: Any) -> Sequence[Item]:
        found = self.cloud.ec2.describe_instances(Filters=filters)["Reservations"]
        return [instance for reservation in found for instance in reservation["Instances"]]

    def alive(self, item: Item) -> bool:
        return item["State"]["Name"] not in _GONE

    def gone(self, resource_id: str) -> bool:
        """Ended, not only ending: until then its address and its groups are in use."""
        found = self.describe([{"Name": self.id_filter, "Values": [resource_id]}])
        return all(one["State"]["Name"] == "terminated" for one in found)

    def foresee(self, wanted: Properties, seen: Seen | None) -> None:
        if seen is None:  # afterwards neither can change
            require_architecture(self.cloud, wanted["image_id"], wanted["architecture"])

    def seen(self, item: Item) -> Seen:
        tags = as_map(item.get("Tags", []))
        inputs = {
            "image_id": item["ImageId"],
            "instance_type": item["InstanceType"],
            "subnet_id": item.get("SubnetId"),
            "private_address": item.get("PrivateIpAddress"),
            "security_group_ids": sorted(group["GroupId"] for group in _interface(item)["Groups"]),
            "key_name": item.get("KeyName"),
            "user_data": self._user_data_of(item["InstanceId"]),
            "source_dest_check": item.get("SourceDestCheck", True),
            "running": item["State"]["Name"] in ("pending", "running"),
        }
        architecture = architecture_of(item) or self._of_image(item["ImageId"])
        told = {"architecture": architecture} if architecture else {}
        return Seen({**inputs, **told}, tags)

    def _user_data_of(self, instance_id: str) -> str:
        found = self.cloud.ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="userData")
        return base64.b64decode(found.get("UserData", {}).get("Value", "")).decode(errors="replace")

    def _of_image(self, image_id: str) -> str | None:
        images = self.cloud.ec2.describe_images(Filters=[{"Name": "image-id", "Values": [image_id]}])["Images"]
        return architecture_of(images[0]) if images else None

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        groups: Any = {"Groups": wanted["security_group_ids"]} if wanted["security_group_ids"] else {}
        chosen: dict[str, Any] = {"KeyName": wanted["key_name"], "UserData": wanted["user_data"]}
        interface: Any = {
            "DeviceIndex": 0,
            "SubnetId": wanted["subnet_id"],
            "PrivateIpAddress": wanted["private_address"],
            "DeleteOnTermination": True,  # or the address stays taken
            **groups,
        }
        made = self.cloud.ec2_once.run_instances(
            ImageId=wanted["image_id"],
            MinCount=1,
            MaxCount=1,
            InstanceType=wanted["instance_type"],
            NetworkInterfaces=[interface],
            TagSpecifications=self.specification({**tags, ARCHITECTURE: wanted["architecture"]}),
            **{name: value for name, value in chosen.items() if value},
        )
        return made["Instances"][0]["InstanceId"]

    def settle(self, context: Context, resource_id: str) -> None:
        self._wait_for(context, resource_id, "running", "stopped")

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        ec2 = self.cloud.ec2
        if "security_group_ids" in changed:
            card = _interface(self.item(resource_id) or {})["NetworkInterfaceId"]
            ec2.modify_network_interface_attribute(NetworkInterfaceId=card, Groups=wanted["security_group_ids"])
        if "source_dest_check" in changed:  # no launch takes it
            ec2.modify_instance_attribute(
                InstanceId=resource_id, SourceDestCheck={"Value": wanted["source_dest_check"]}
            )
        stop = seen.inputs["running"] and ("instance_type" in changed or not wanted["running"])
        if stop:
            context.log.progress(f"stopping {resource_id}")
            ec2.stop_instances(InstanceIds=[resource_id])
            self._wait_for(context, resource_id, "stopped")
        if "instance_type" in changed:
            ec2.modify_instance_attribute(InstanceId=resource_id, InstanceType={"Value": wanted["instance_type"]})
        if wanted["running"] and (stop or not seen.inputs["running"]):
            context.log.progress(f"starting {resource_id}")
            ec2.start_instances(InstanceIds=[resource_id])
            self._wait_for(context, resource_id, "running")

    def remove(self, context: Context, resource_id: str) -> None:
        self.cloud.ec2.terminate_instances(InstanceIds=[resource_id])

    def _wait_for(self, context: Context, resource_id: str, *states: str) -> None:
        def reached() -> bool:
            found = self.describe([{"Name": self.id_filter, "Values": [resource_id]}])
            if found and not self.alive(found[0]):
                reason = found[0].get("StateReason", {}).get("Message", "the cloud gives no reason")
                raise ProviderError(
                    f"{context.name}: {resource_id} ended: {reason}",
                    "a machine that runs",
                    "mend what the reason says; then `pulumi up --refresh` makes another",
                )
            return bool(found) and found[0]["State"]["Name"] in states

        wait(self.cloud, context, f"{resource_id} is {' or '.join(states)}", reached)


def _interface(item: Item) -> Mapping[str, Any]:
    """The first network interface: its groups are the machine's."""
    found: Sequence[Mapping[str, Any]] = item.get("NetworkInterfaces", [])
    return next((one for one in found if one["Attachment"]["DeviceIndex"] == 0), {"Groups": item["SecurityGroups"]})
