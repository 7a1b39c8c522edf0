"""`industry:index:Volume`: a disk, attached to a machine or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Failure, Properties
from infra.providers.base.values import Unknown
from infra.providers.industry.comparison import Seen
from infra.providers.industry.ec2_resource import Ec2Resource, Item
from infra.providers.industry.fields import FLAG, NUMBER, TEXT, Field, flag, identifier, matching, whole_number
from infra.providers.industry.identity import as_map
from infra.providers.industry.waiting import wait

__all__ = ["VolumeType"]

_DEVICE = matching(r"/dev/[a-z0-9]+|[a-z0-9]+", "a device such as /dev/sdf")


class VolumeType(Ec2Resource):
    """Grows in place, never shrinks. Without `instance_id` it is attached to nothing."""

    token: ClassVar[str] = "industry:index:Volume"  # noqa: S105 - a type
    kind, id_key, id_filter = "volume", "VolumeId", "volume-id"
    fields: ClassVar[Mapping[str, Field]] = {
        "zone": Field(TEXT, matching(r"\S+", "the name of a zone"), required=True, replaces=True),
        "size_gib": Field(NUMBER, whole_number(1, 65536), required=True),
        "volume_type": Field(TEXT, matching(r"\S+", "a kind of disk that the cloud has, such as gp3"), free=True),
        "encrypted": Field(FLAG, flag, default=True, replaces=True),
        "instance_id": Field(TEXT, identifier("i")),
        "device": Field(TEXT, _DEVICE),
        "accept_replacement": Field(TEXT, identifier("vol")),
    }

    def together(self, news: Properties) -> Sequence[Failure]:
        if news.get("instance_id") is not None and news.get("device") is None:
            return [Failure("device", "is missing: `instance_id` needs one, such as /dev/sdf")]
        if news.get("device") is not None and news.get("instance_id") is None:
            return [Failure("instance_id", "is missing: `device` says where on a machine")]
        return ()

    def foresee(self, wanted: Properties, seen: Seen | None) -> None:
        size = wanted["size_gib"]
        if seen is not None and not isinstance(size, Unknown) and size < seen.inputs["size_gib"]:
            raise ProviderError(
                f"the disk has {seen.inputs['size_gib']} GiB, declared are {size}: a disk cannot shrink",
                f"`size_gib` of at least {seen.inputs['size_gib']}",
                "declare that; or make a second, smaller disk and move the content by hand",
            )

    def describe(self, filters: Any) -> Sequence[Item]:
        return self.cloud.ec2.describe_volumes(Filters=filters)["Volumes"]

    def alive(self, item: Item) -> bool:
        return item["State"] not in ("deleting", "deleted")

    def seen(self, item: Item) -> Seen:
        attachment = _attachment(item)
        inputs = {
            "zone": item["AvailabilityZone"],
            "size_gib": item["Size"],
            "volume_type": item.get("VolumeType"),
            "encrypted": item.get("Encrypted", False),
            "instance_id": attachment.get("InstanceId"),
            "device": attachment.get("Device"),
        }
        return Seen(inputs, as_map(item.get("Tags", [])))

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        kind: Any = {"VolumeType": wanted["volume_type"]} if wanted["volume_type"] else {}
        made = self.cloud.ec2_once.create_volume(
            AvailabilityZone=wanted["zone"],
            Size=wanted["size_gib"],
            Encrypted=wanted["encrypted"],
            TagSpecifications=self.specification(tags),
            **kind,
        )
        return made["VolumeId"]

    def settle(self, context: Context, resource_id: str) -> None:
        def usable() -> bool:
            item = self.item(resource_id)
            if item is not None and item["State"] == "error":
                raise ProviderError(f"{context.name}: {resource_id} is in the state `error`", "a usable disk", _BROKEN)
            busy = [one for one in (item or {}).get("Attachments", []) if one["State"] in ("attaching", "detaching")]
            return item is not None and item["State"] in ("available", "in-use") and not busy

        wait(self.cloud, context, f"{resource_id} can be used", usable)

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        bigger: Any = {"Size": wanted["size_gib"]} if "size_gib" in changed else {}
        other: Any = {"VolumeType": wanted["volume_type"]} if "volume_type" in changed else {}
        if bigger or other:
            self.cloud.ec2.modify_volume(VolumeId=resource_id, **bigger, **other)
        if "instance_id" in changed or "device" in changed:
            self._detach(context, resource_id)
            if wanted["instance_id"]:
                self.cloud.ec2.attach_volume(
                    VolumeId=resource_id, InstanceId=wanted["instance_id"], Device=wanted["device"]
                )
        wait(self.cloud, context, f"{resource_id} is as declared", lambda: self._is(resource_id, wanted, changed))

    def remove(self, context: Context, resource_id: str) -> None:
        self._detach(context, resource_id)
        self.cloud.ec2.delete_volume(VolumeId=resource_id)

    def gone(self, resource_id: str) -> bool:
        found = self.describe([{"Name": self.id_filter, "Values": [resource_id]}])
        return all(one["State"] == "deleted" for one in found)

    def _is(self, resource_id: str, wanted: Properties, changed: list[str]) -> bool:
        seen = self.look(resource_id)
        return seen is not None and not any(
            self.fields[name].differ(wanted[name], seen.inputs[name]) for name in changed
        )

    def _detach(self, context: Context, resource_id: str) -> None:
        item = self.item(resource_id)
        attachment = {} if item is None else _attachment(item)
        if not attachment:
            return
        context.log.progress(f"detaching {resource_id} from {attachment['InstanceId']}")
        self.cloud.ec2.detach_volume(VolumeId=resource_id, InstanceId=attachment["InstanceId"])

        def detached() -> bool:
            found = self.item(resource_id)
            return found is None or found["State"] == "available"

        wait(self.cloud, context, f"{resource_id} is detached", detached)


_BROKEN = "ask the cloud's operator; `pulumi up --refresh` after it was deleted makes another"


def _attachment(item: Item) -> Mapping[str, Any]:
    found: Sequence[Mapping[str, Any]] = item.get("Attachments", [])
    return next((one for one in found if one.get("State") not in ("detaching", "detached")), {})
