"""The machines of a site on a cloud: a network of their own, and an instance for each declared host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.lines import overlay_routes
from infra.providers.industry import resource as cloud
from infra.providers.industry.declared import (
    forwarding_inputs,
    group_inputs,
    image_inputs,
    instance_inputs,
    provider_inputs,
    resource_tags,
)

__all__ = ["CloudMachines", "CloudMachinesArgs"]


@dataclass(frozen=True)
class CloudMachinesArgs:
    """Which site of which environment."""

    environment: Environment
    site: str


class CloudMachines(pulumi.ComponentResource):
    """Each host has the address that the file declares, and a group with its flows and no others. The launch's key is
    the deploy key of the environment. Gateways of lines may forward; see `lead_to_gateways`."""

    def __init__(self, name: str, args: CloudMachinesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("dingli:index:CloudMachines", name, None, opts)
        self._environment, self._site = args.environment, args.site
        environment = args.environment
        hosts = environment.hosts_at(args.site)
        self._provider = cloud.Provider(
            f"{args.site}-cloud", provider_inputs(environment, args.site), pulumi.ResourceOptions(parent=self)
        )
        tags = {**resource_tags(environment), "Name": f"{environment.name}-{args.site}"}
        cidr = str(environment.sites[args.site].network)
        self._network = cloud.Network("network", {"cidr": cidr, "tags": tags}, self._options())
        declared = environment.cloud_of(args.site)
        zone = {"zone": declared.zone} if declared and declared.zone else {}
        self._subnet = cloud.Subnet(
            "subnet", {"network_id": self._network.id, "cidr": cidr, "tags": tags, **zone}, self._options()
        )
        key = ssh.make_deploy_key(ssh.deploy_key(environment.name))
        self._key = cloud.KeyPair("key", {"name": tags["Name"], "public_key": key, "tags": tags}, self._options())
        self._images: dict[str, cloud.Image] = {}
        self._instances: dict[str, cloud.Instance] = {}
        self._inputs = {host.name: self._make(host.name) for host in hosts}
        self.register_outputs({})

    def host_inputs(self, host: str) -> dict[str, Any]:
        """What the Host that is adopted there is told: which machine it is, and its host key."""
        return self._inputs[host]

    def lead_to_gateways(self, after: list[pulumi.Resource] | None = None) -> None:
        """The network sends to gateways what is for their lines, and for the other sites: `after` they can take it."""
        for host, instance in self._instances.items():
            for name, destination in overlay_routes(self._environment, host):
                told = {"network_id": self._network.id, "destination": str(destination), "instance_id": instance.id}
                cloud.Route(name, told, self._options(depends_on=after))

    def _make(self, name: str) -> dict[str, Any]:
        environment = self._environment
        group = cloud.SecurityGroup(
            name,
            {**group_inputs(environment, name), "network_id": self._network.id, "tags": resource_tags(environment)},
            self._options(),
        )
        made_of = {
            "image_id": self._image(name).image_id,
            "subnet_id": self._subnet.id,
            "security_group_ids": [group.id],
            # by name: another key is for machines made from now on, and must not take the place of those that are
            "key_name": f"{environment.name}-{self._site}",
        }
        instance = cloud.Instance(
            name,
            {**instance_inputs(environment, name), **forwarding_inputs(environment, name), **made_of},
            self._options(depends_on=[self._key]),
        )
        self._instances[name] = instance
        host_key = cloud.HostKey(name, {"instance_id": instance.id}, self._options())
        return {"instance_id": instance.id, "host_key_sha256": host_key.sha256}

    def _image(self, host: str) -> cloud.Image:
        inputs = image_inputs(self._environment, host)
        name = f"{inputs['name']}-{inputs['architecture']}"
        if name not in self._images:
            self._images[name] = cloud.Image(name, inputs, self._options())
        return self._images[name]

    def _options(self, depends_on: list[pulumi.Resource] | None = None) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=self._provider, depends_on=depends_on)
