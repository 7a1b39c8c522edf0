"""`industry:index:HostKey`: a machine's SSH host key, as its console tells it, where no network is in between."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from infra.providers.base.resource import Context, Difference, Failure, Properties, ReadResult, ResourceType
from infra.providers.base.values import UNKNOWN, Unknown, contains_unknown
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.errors import explained, nothing_to_import
from infra.providers.industry.fields import TEXT, identifier
from infra.providers.industry.waiting import wait

__all__ = ["HostKeyType", "told_by"]

_BLOCK = re.compile(r"-----BEGIN SSH HOST KEY FINGERPRINTS-----(.*?)-----END SSH HOST KEY FINGERPRINTS-----", re.DOTALL)
_KEY = re.compile(r"(SHA256:[A-Za-z0-9+/]{43}) .*\(ED25519\)")  # the kind that every connection asks for first
_check = identifier("i")


def told_by(console: str) -> str | None:
    """The fingerprint in the lines that cloud-init writes; the last ones, if a machine has told it twice."""
    blocks = _BLOCK.findall(console)
    found = _KEY.findall(blocks[-1]) if blocks else []
    return str(found[-1]) if found else None


class HostKeyType(ResourceType):
    """Looks it up once, when the machine has told it: consoles forget."""

    token: ClassVar[str] = "industry:index:HostKey"  # noqa: S105 - a type
    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"instance_id": TEXT}
    required: ClassVar[Sequence[str]] = ("instance_id",)
    outputs: ClassVar[Mapping[str, Mapping[str, Any]]] = {"sha256": TEXT}

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    def check(self, news: Properties) -> Sequence[Failure]:
        value = news.get("instance_id")
        reason = None if value is None or isinstance(value, Unknown) else _check(value)
        return [Failure("instance_id", reason)] if reason is not None else []

    def diff(self, context: Context, state: Properties, news: Properties) -> Difference:
        changed = ["instance_id"] if state.get("instance_id") != news.get("instance_id") else []
        return Difference(changed, changed, delete_before_replace=True)

    def create(self, context: Context, news: Properties) -> tuple[str, Properties]:
        if context.preview or contains_unknown(news):
            return "", {**news, "sha256": UNKNOWN}
        instance_id, told = news["instance_id"], ""

        def has_told() -> bool:
            nonlocal told
            told = told_by(self._console(instance_id)) or ""
            return told != ""

        with explained(self.cloud, context.name):
            wait(self.cloud, context, f"the console of {instance_id} tells the machine's ED25519 host key", has_told)
        return instance_id, {**news, "sha256": told}

    def update(self, context: Context, resource_id: str, state: Properties, news: Properties) -> Properties:
        return {**state, **news}

    def read(self, context: Context, resource_id: str, state: Properties, inputs: Properties) -> ReadResult:
        if state:
            return ReadResult(resource_id, state, inputs)
        with explained(self.cloud, context.name):
            told = told_by(self._console(resource_id))
        if told is None:
            raise nothing_to_import(self.cloud, resource_id)
        imported = {"instance_id": resource_id}
        return ReadResult(resource_id, {**imported, "sha256": told}, imported)

    def delete(self, context: Context, resource_id: str, state: Properties) -> None:
        """Nothing: the machine was there before."""

    def _console(self, instance_id: str) -> str:
        return self.cloud.ec2.get_console_output(InstanceId=instance_id).get("Output", "")
