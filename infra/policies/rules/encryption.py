"""What is stored on the industry cloud is encrypted."""

from __future__ import annotations

from collections.abc import Iterator

from infra.policies.rule import GBT_22239, Breach, Clause, Resource, Rule
from infra.providers.industry.labels import BUCKET, VOLUME

__all__ = ["ENCRYPTED"]


def _judge(resource: Resource) -> Iterator[Breach]:
    """Both resources are encrypted where nothing is declared."""
    if resource.kind == VOLUME and resource.inputs.get("encrypted") is False:
        yield Breach(
            "`encrypted: false`: the disk is not encrypted",
            "an encrypted disk",
            "leave `encrypted` out; the disk is made anew, so bring its content over first",
        )
    if resource.kind == BUCKET and resource.inputs.get("encryption") == "none":
        yield Breach(
            "`encryption: none`: the bucket is not encrypted",
            "AES256 or aws:kms",
            "leave `encryption` out, or declare one of the two; what is in the bucket already stays as it is",
        )


ENCRYPTED = Rule(
    "encrypted-storage",
    "Disks and buckets are encrypted",
    (Clause(GBT_22239, "8.1.4.8.b", "存储保密性"),),
    frozenset({VOLUME, BUCKET}),
    _judge,
)
