"""The resources of `industry` as a Pulumi program uses them; docs/industry-cloud.md says what each input means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pulumi

__all__ = [
    "Bucket",
    "HostKey",
    "Image",
    "Instance",
    "KeyPair",
    "Network",
    "Provider",
    "Route",
    "SecurityGroup",
    "Subnet",
    "Volume",
]

Inputs = Mapping[str, Any]


class Provider(pulumi.ProviderResource):
    """A cloud beside the stack's own: inputs `environment`, `region`, `endpoint`, `s3_endpoint`, `ca_file`, `profile`,
    `max_attempts`, `wait_seconds`."""

    def __init__(self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("industry", name, inputs, opts)


class _CloudResource(pulumi.CustomResource):
    chosen: ClassVar[Sequence[str]] = ("drift",)
    """Outputs, and inputs that the cloud chooses where they are not declared."""

    drift: pulumi.Output[Mapping[str, str]]

    def __init__(self, name: str, inputs: Inputs, opts: pulumi.ResourceOptions | None = None) -> None:
        token = f"industry:index:{type(self).__name__}"
        super().__init__(token, name, {**dict.fromkeys(self.chosen), **inputs}, opts)


class Network(_CloudResource):
    """Inputs: `cidr`, `dns_hostnames`, `tags`."""


class Subnet(_CloudResource):
    """Inputs: `network_id`, `cidr`, `zone`, `public_addresses`, `tags`."""

    chosen = ("drift", "zone")
    zone: pulumi.Output[str]


class SecurityGroup(_CloudResource):
    """Inputs: `network_id`, `name`, `description`, `ingress`, `egress`, `tags`."""


class KeyPair(_CloudResource):
    """Inputs: `name`, `public_key`, `tags`."""

    chosen = ("drift", "fingerprint", "name")
    fingerprint: pulumi.Output[str]
    name: pulumi.Output[str]


class Image(_CloudResource):
    """Inputs: `name`, `architecture`, `owners`. Use `image_id`, which previews know, and not `id`."""

    chosen = ("image_id", "architecture")
    image_id: pulumi.Output[str]
    architecture: pulumi.Output[str]


class HostKey(_CloudResource):
    """Inputs: `instance_id`. The output is what the machine's console says of its SSH host key."""

    chosen = ("sha256",)
    sha256: pulumi.Output[str]


class Instance(_CloudResource):
    """Inputs: `image_id`, `architecture`, `instance_type`, `subnet_id`, `private_address`, `security_group_ids`,
    `key_name`, `user_data`, `source_dest_check`, `running`, `tags`."""

    chosen = ("drift", "private_address")
    private_address: pulumi.Output[str]


class Route(_CloudResource):
    """Inputs: `network_id`, `destination` (outside of the network), `instance_id`."""


class Volume(_CloudResource):
    """Inputs: `zone` (take the subnet's), `size_gib`, `volume_type`, `encrypted`, `instance_id`, `device`, `tags`."""


class Bucket(_CloudResource):
    """Inputs: `name`, `versioning`, `object_lock`, `lifecycle`, `encryption`, `kms_key_id`, `block_public_access`,
    `tags`."""

    chosen = ("drift", "name")
    name: pulumi.Output[str]
