"""`industry:index:KeyPair`: a public key that machines get for their first login. The private one stays where it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.resource import Context, Properties
from infra.providers.industry.comparison import Seen
from infra.providers.industry.ec2_resource import Ec2Resource, Item
from infra.providers.industry.fields import TEXT, Field, matching
from infra.providers.industry.identity import as_map

__all__ = ["KeyPairType"]

_FORM = re.compile(r"(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+={0,3}( .*)?\s*")


def _public_key(value: Any) -> str | None:
    if "PRIVATE KEY" in str(value):
        return "is a private key, expected the public one (the file that ends in .pub)"
    good = isinstance(value, str) and _FORM.fullmatch(value)
    return None if good else "is not a line such as `ssh-ed25519 AAAA… comment`"


def _without_comment(value: Any) -> list[str]:
    return str(value).split()[:2]


class KeyPairType(Ec2Resource):
    """`name` is what the cloud calls it."""

    token: ClassVar[str] = "industry:index:KeyPair"  # noqa: S105 - a type
    kind, id_key, id_filter = "key-pair", "KeyPairId", "key-pair-id"
    fields: ClassVar[Mapping[str, Field]] = {
        "name": Field(TEXT, matching(r"[\x20-\x7e]{1,255}", "1 to 255 characters"), required=True, replaces=True),
        # somebody may have taken the private one
        "public_key": Field(TEXT, _public_key, required=True, replaces=True, normal=_without_comment, told=False),
    }
    reported: ClassVar[Mapping[str, Mapping[str, Any]]] = {"fingerprint": TEXT}

    def describe(self, filters: Any) -> Sequence[Item]:
        return self.cloud.ec2.describe_key_pairs(Filters=filters, IncludePublicKey=True)["KeyPairs"]

    def seen(self, item: Item) -> Seen:
        told = {"public_key": item["PublicKey"].strip()} if item.get("PublicKey") else {}
        outputs = {"fingerprint": item.get("KeyFingerprint", "")}
        return Seen({"name": item["KeyName"], **told}, as_map(item.get("Tags", [])), outputs)

    def make(self, wanted: Properties, tags: Mapping[str, str]) -> str:
        made = self.cloud.ec2_once.import_key_pair(
            KeyName=wanted["name"],
            PublicKeyMaterial=wanted["public_key"].encode(),
            TagSpecifications=self.specification(tags),
        )
        return made["KeyPairId"]

    def remove(self, context: Context, resource_id: str) -> None:
        item = self.item(resource_id)
        if item is not None:
            self.cloud.ec2.delete_key_pair(KeyName=item["KeyName"])
