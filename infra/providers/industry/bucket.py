"""`industry:index:Bucket`: a place for evidence, logs or state that nobody can alter before its time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Difference, Failure, Properties
from infra.providers.industry import bucket_settings as settings
from infra.providers.industry.cloud_resource import CloudResource
from infra.providers.industry.comparison import Seen
from infra.providers.industry.errors import code_of
from infra.providers.industry.fields import FLAG, LIST_OF_MAPS, MAP, TEXT, Field, flag, matching, one_of
from infra.providers.industry.identity import RESOURCE, Identity, as_list

__all__ = ["BucketType"]

_FIRST_REGION = "us-east-1"  # the only one that must not be named when a bucket is made
_NAME = matching(
    r"(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "3 to 63 lower-case letters, digits, dots and dashes"
)
_ABSENT = ("404", "NoSuchBucket", "NotFound")


class BucketType(CloudResource):
    """Its name is its id. What is in it is never deleted from here."""

    token: ClassVar[str] = "industry:index:Bucket"  # noqa: S105 - a type
    fields: ClassVar[Mapping[str, Field]] = {
        "name": Field(TEXT, _NAME, required=True, replaces=True),
        "versioning": Field(FLAG, flag, default=True),
        "object_lock": Field(MAP, settings.check_lock, normal=settings.normal_lock),
        "lifecycle": Field(LIST_OF_MAPS, settings.check_lifecycle, default=(), normal=settings.normal_lifecycle),
        "encryption": Field(TEXT, one_of("AES256", "aws:kms", "none"), default="AES256"),
        "kms_key_id": Field(TEXT, matching(r"\S+", "a key's id or ARN"), free=True),
        "block_public_access": Field(FLAG, flag, default=True),
    }

    def together(self, news: Properties) -> Sequence[Failure]:
        found = []
        if news.get("object_lock") is not None and news.get("versioning") is False:
            found.append(Failure("versioning", "is false, but `object_lock` needs versions"))
        if news.get("kms_key_id") is not None and news.get("encryption", "AES256") in ("AES256", "none"):
            found.append(Failure("encryption", "is not aws:kms, with which `kms_key_id` goes"))
        return found

    def foresee(self, wanted: Properties, seen: Seen | None) -> None:
        if seen is not None and seen.inputs["object_lock"] is not None and not wanted["object_lock"]:
            raise ProviderError(
                f"the bucket {seen.inputs['name']} has an object lock, none is declared",
                "a declared `object_lock`: no cloud takes one off",
                "declare it, or make another bucket",
            )

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        """A lock's period can change, but not whether there is a lock."""
        found = super().diff(context, state, news)
        if "object_lock" not in found.changed or (state.get("object_lock") and news.get("object_lock")):
            return found
        return Difference(found.changed, [*found.replaced, "object_lock"], delete_before_replace=True)

    def find(self, identity: Identity, wanted: Properties) -> str | None:
        """A bucket is made first and tagged then: an empty one without any tag is what an interruption leaves."""
        name: str = wanted["name"]
        if not self._exists(name):
            return None
        tags = settings.tags_of(self.cloud.s3, name)
        if tags.get(RESOURCE) == identity.resource or (not tags and self._is_empty(name)):
            return name
        holder = f"as {tags[RESOURCE]}" if RESOURCE in tags else "made by somebody else"
        raise ProviderError(
            f"the bucket {name} exists already, {holder}",
            "a name that is free",
            f"choose another `name`, or take it over: `pulumi import {self.token} RESOURCE {name}`",
        )

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        region = self.cloud.settings.region
        place: Any = {} if region == _FIRST_REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        lock: Any = {"ObjectLockEnabledForBucket": True} if wanted["object_lock"] else {}
        name: str = wanted["name"]
        try:
            self.cloud.s3.create_bucket(Bucket=name, **place, **lock)
        except ClientError as error:  # it was not there a moment ago: the call was sent again after a lost answer
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise
        return name

    def look(self, resource_id: str) -> Seen | None:
        if not self._exists(resource_id):
            return None
        s3 = self.cloud.s3
        encryption, key = settings.encryption_of(s3, resource_id)
        inputs = {
            "name": resource_id,
            "versioning": settings.versioning_of(s3, resource_id),
            "object_lock": settings.lock_of(s3, resource_id),
            "lifecycle": settings.lifecycle_of(s3, resource_id),
            "encryption": encryption,
            "kms_key_id": key,
            "block_public_access": settings.blocks_public(s3, resource_id),
        }
        return Seen(inputs, settings.tags_of(s3, resource_id))

    def gone(self, resource_id: str) -> bool:
        return not self._exists(resource_id)

    def tag(self, resource_id: str, tags: Mapping[str, str], dropped: Collection[str]) -> None:
        kept = settings.tags_of(self.cloud.s3, resource_id)
        wanted = {key: text for key, text in kept.items() if key not in dropped} | dict(tags)
        if wanted != kept:
            self.cloud.s3.put_bucket_tagging(Bucket=resource_id, Tagging={"TagSet": as_list(wanted)})

    def change(self, context: Context, resource_id: str, wanted: Properties, seen: Seen, changed: list[str]) -> None:
        s3 = self.cloud.s3
        if "block_public_access" in changed:
            settings.block_public(s3, resource_id, wanted["block_public_access"])
        if "versioning" in changed:
            settings.set_versioning(s3, resource_id, wanted["versioning"])
        if "encryption" in changed or "kms_key_id" in changed:
            settings.encrypt(s3, resource_id, wanted["encryption"], wanted["kms_key_id"])
        if "object_lock" in changed:
            settings.lock(s3, resource_id, wanted["object_lock"])
        if "lifecycle" in changed:
            settings.set_lifecycle(s3, resource_id, wanted["lifecycle"])

    def remove(self, context: Context, resource_id: str) -> None:
        self.cloud.s3.delete_bucket(Bucket=resource_id)

    def _exists(self, name: str) -> bool:
        try:
            self.cloud.s3.head_bucket(Bucket=name)
        except ClientError as error:
            if code_of(error) in _ABSENT:
                return False
            raise
        return True

    def _is_empty(self, name: str) -> bool:
        return not self.cloud.s3.list_objects_v2(Bucket=name, MaxKeys=1).get("Contents")
