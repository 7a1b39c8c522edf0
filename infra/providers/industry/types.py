"""Every resource type of the provider."""

from __future__ import annotations

from infra.providers.base.resource import ResourceType
from infra.providers.industry.bucket import BucketType
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.host_key import HostKeyType
from infra.providers.industry.image import ImageType
from infra.providers.industry.instance import InstanceType
from infra.providers.industry.key_pair import KeyPairType
from infra.providers.industry.network import NetworkType
from infra.providers.industry.route import RouteType
from infra.providers.industry.security_group import SecurityGroupType
from infra.providers.industry.subnet import SubnetType
from infra.providers.industry.volume import VolumeType

__all__ = ["all_types"]


def all_types(cloud: Cloud) -> list[ResourceType]:
    """One of each, all talking to `cloud`."""
    machines = (NetworkType, SubnetType, SecurityGroupType, KeyPairType, InstanceType, RouteType)
    kinds = (*machines, VolumeType, BucketType)
    return [ImageType(cloud), HostKeyType(cloud), *(kind(cloud) for kind in kinds)]
