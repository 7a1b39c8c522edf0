"""Resources of every type in an empty cloud, made as the engine makes them: check, create, diff, update and so on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi.provider.experimental.provider as engine
from pulumi.runtime.proto import engine_pb2_grpc

from infra.providers.base.cancellation import Cancellation
from infra.providers.base.provider import LocalProvider
from infra.providers.base.resource import Context, Difference, Properties, ReadResult, ResourceType
from infra.providers.base.values import properties
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.types import all_types
from tests.unit.providers.industry.service import CloudService

__all__ = ["KINDS", "PUBLIC_KEY", "Lines", "Made", "World"]

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE operator"
KINDS = ("Network", "Subnet", "SecurityGroup", "KeyPair", "Instance", "Route", "Volume", "Bucket")


@dataclass
class Lines:
    """What a resource said."""

    lines: list[str] = field(default_factory=list)

    def info(self, message: str) -> None:
        self.lines.append(message)

    progress = warning = info


@dataclass
class Made:
    """A resource that is there: what the engine keeps of it."""

    kind: ResourceType
    context: Context
    resource_id: str
    state: Properties
    inputs: Properties

    def refresh(self) -> ReadResult:
        """As `pulumi refresh`: the engine keeps what was read."""
        found = self.kind.read(self.context, self.resource_id, self.state, self.inputs)
        self.state = found.state
        return found

    def diff(self, news: Properties | None = None) -> Difference:
        context = replace(self.context, resource_id=self.resource_id)
        return self.kind.diff(context, self.state, self.inputs if news is None else news)

    def update(self, news: Properties | None = None) -> Properties:
        self.inputs = self.inputs if news is None else news
        self.state = self.kind.update(self.context, self.resource_id, self.state, self.inputs)
        return self.state

    def imported(self) -> ReadResult:
        """As `pulumi import`: from the id alone."""
        return self.kind.read(self.context, self.resource_id, {}, {})

    def delete(self) -> None:
        self.kind.delete(self.context, self.resource_id, self.state)


class World:
    """What the resource that a test is about needs is made on the way, by hand."""

    def __init__(self, service: CloudService, cloud: Cloud) -> None:
        self.service, self.cloud = service, cloud
        self.types = {kind.token.rpartition(":")[2]: kind for kind in all_types(cloud)}
        self.ec2, self.s3 = service.client("ec2"), service.client("s3")
        self.said = Lines()
        self._network = ""

    def context(self, kind: str, name: str = "one", preview: bool = False) -> Context:
        urn = f"urn:pulumi:trial::dingli::industry:index:{kind}::{name}"
        return Context(urn, self.said, Cancellation(), preview)

    def image(self, name: str = "debian-13", architecture: str = "aarch64") -> str:
        """Publish an image as this account; moto does not say architectures, so it is tagged."""
        image_id: str = self.ec2.register_image(Name=name)["ImageId"]
        self.ec2.create_tags(Resources=[image_id], Tags=[{"Key": "dingli:architecture", "Value": architecture}])
        return image_id

    def network(self) -> str:
        """One that was there before."""
        self._network = self._network or self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        return self._network

    def machine(self, address: str = "10.0.4.10") -> str:
        """One that was there before, in a subnet of its own."""
        cidr = f"{address.rpartition('.')[0]}.0/24"
        subnet = self.ec2.create_subnet(VpcId=self.network(), CidrBlock=cidr)["Subnet"]["SubnetId"]
        asked = {"ImageId": self.image(), "SubnetId": subnet, "PrivateIpAddress": address}
        made: str = self.ec2.run_instances(MinCount=1, MaxCount=1, **asked)["Instances"][0]["InstanceId"]
        return made

    def make(self, kind: str, name: str = "one", **changes: Any) -> Made:
        """Create one, with what it needs where that is not given."""
        defaults = {} if set(changes) >= set(self.types[kind].required) else self.inputs(kind)
        inputs = {key: value for key, value in (defaults | changes).items() if value is not None}
        context = self.context(kind, name)
        resource_id, state = self.types[kind].create(context, inputs)
        return Made(self.types[kind], context, resource_id, state, inputs)

    def inputs(self, kind: str) -> Properties:
        """Good inputs."""
        if kind == "Network":
            return {"cidr": "10.0.0.0/16", "tags": {"owner": "trading"}}
        if kind == "Subnet":
            return {"network_id": self.network(), "cidr": "10.0.1.0/24", "zone": "cn-north-1b"}
        if kind == "SecurityGroup":
            rule = {"protocol": "tcp", "from_port": 2379, "to_port": 2380, "peer": "self"}
            return {"network_id": self.network(), "name": "journal", "ingress": [rule]}
        if kind == "KeyPair":
            return {"name": "operator", "public_key": PUBLIC_KEY}
        if kind == "Route":
            destination = "192.0.2.2/32"
            return {"network_id": self.network(), "destination": destination, "instance_id": self.machine()}
        if kind == "Volume":
            return {"zone": "cn-north-1b", "size_gib": 10, "volume_type": "gp3"}
        if kind == "Bucket":
            lock = {"mode": "COMPLIANCE", "days": 180}
            return {"name": "dingli-evidence", "object_lock": lock, "lifecycle": [{"prefix": "tmp/", "expire_days": 7}]}
        group = self.ec2.create_security_group(GroupName="any", Description="any", VpcId=self.network())
        subnet = self.ec2.create_subnet(VpcId=self.network(), CidrBlock="10.0.2.0/24")
        return {
            "image_id": self.image(),
            "architecture": "aarch64",
            "instance_type": "c7g.large",
            "subnet_id": subnet["Subnet"]["SubnetId"],
            "private_address": "10.0.2.10",
            "security_group_ids": [group["GroupId"]],
            "key_name": "operator",
            "user_data": "#!/bin/sh\ntrue\n",
        }

    def check(self, kind: str, inputs: Properties) -> dict[str, str]:
        """Properties that the engine is told are wrong, with reasons."""
        provider = LocalProvider("industry", list(self.types.values()), _NO_ENGINE, Cancellation(), self.cloud)
        request = engine.CheckRequest(self.context(kind).urn, {}, properties(inputs), b"")
        failures = asyncio.run(provider.check(request)).failures or []
        assert len({one.property for one in failures}) == len(failures), "one failure for each property"
        return {one.property: one.reason for one in failures}


_NO_ENGINE = engine_pb2_grpc.EngineStub.__new__(engine_pb2_grpc.EngineStub)
