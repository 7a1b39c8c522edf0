"""What the cloud says of itself, asked through its API, and what to tell Pulumi."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from lab import layout
from lab.cloud import service, tls
from lab.exceptions import LabError
from lab.layout import LabCloud
from lab.places import LAYOUT

__all__ = ["CloudState", "Image", "Instance", "lines", "look"]


@dataclass(frozen=True)
class Image:
    """`architecture` as EC2 names it."""

    id: str
    name: str
    architecture: str


@dataclass(frozen=True)
class Instance:
    """`name` is its tag Name, or else the name of the Pulumi resource; `reason`: why its state is what it is."""

    id: str
    name: str
    address: str
    state: str
    image: str
    reason: str


@dataclass(frozen=True)
class CloudState:
    """`running` is whether the API answers; `ca_file` is what its certificate is judged by."""

    running: bool
    endpoint: str
    region: str
    ca_file: str
    images: tuple[Image, ...]
    instances: tuple[Instance, ...]


def look() -> CloudState:
    """LabError if the lab is down, or has no cloud."""
    machines = layout.read(LAYOUT)
    if machines is None:
        raise LabError("the lab is down", remedy="run `dingli lab up`")
    if machines.cloud is None:
        raise LabError(
            "the lab has no cloud",
            "an environment with `cloud: {address: …}`",
            "write it into the environment file, then run `dingli lab up`",
        )
    return ask(machines.cloud)


def ask(cloud: LabCloud) -> CloudState:
    """What its API answers now."""
    endpoint, ca_file = f"https://{cloud.address}:{cloud.port}", str(tls.ca_file(service.certificate_folder()))
    if not service.is_alive(cloud):
        return CloudState(False, endpoint, cloud.region, ca_file, (), ())
    session: Any = boto3.Session(service.CREDENTIAL, service.CREDENTIAL, region_name=cloud.region)
    quick = Config(connect_timeout=3, read_timeout=10, retries={"max_attempts": 2})
    ec2 = session.client("ec2", endpoint_url=endpoint, verify=ca_file, config=quick)
    try:
        images = tuple(_image(one) for one in ec2.describe_images(Owners=["self"])["Images"])
        names = {one.id: one.name for one in images}
        found = [one for each in ec2.describe_instances()["Reservations"] for one in each["Instances"]]
    except (BotoCoreError, ClientError) as error:
        raise LabError(f"the cloud does not answer: {error}", remedy=f"read {service.LOG}") from error
    instances = tuple(_instance(one, names) for one in found)
    return CloudState(True, endpoint, cloud.region, ca_file, images, instances)


def lines(seen: CloudState) -> Iterator[str]:
    """For people."""
    if not seen.running:
        yield f"the cloud at {seen.endpoint} does not answer: `dingli lab up` starts it ({service.LOG})"
        return
    yield f"cloud at {seen.endpoint}, region {seen.region}, EC2 and S3"
    for image in seen.images:
        yield f"image     {image.id}  {image.name}  {image.architecture}"
    for one in seen.instances:
        reason = f"  {one.reason}" if one.reason else ""
        yield f"instance  {one.id}  {one.address:15} {one.state:13} {one.image:10} {one.name}{reason}"
    if not seen.instances:
        yield "no instances"
    yield ""
    yield "For the provider `industry`, in a Pulumi project:"
    settings = {"environment": "NAME", "region": seen.region, "endpoint": seen.endpoint, "ca_file": seen.ca_file}
    for name, value in settings.items():
        yield f"  pulumi config set industry:{name} {value}"
    yield f"  export AWS_ACCESS_KEY_ID={service.CREDENTIAL} AWS_SECRET_ACCESS_KEY={service.CREDENTIAL}    # any will do"


def _image(found: Mapping[str, Any]) -> Image:
    return Image(found["ImageId"], found["Name"], found.get("Architecture", ""))


def _instance(found: Mapping[str, Any], images: Mapping[str, str]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])}
    name = tags.get("Name") or tags.get("dingli:resource", "").rpartition("::")[2]
    return Instance(
        id=found["InstanceId"],
        name=name,
        address=found.get("PrivateIpAddress", ""),
        state=found["State"]["Name"],
        image=images.get(found["ImageId"], found["ImageId"]),
        reason=found.get("StateTransitionReason", ""),
    )
