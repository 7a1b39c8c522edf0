"""Where and of what the machines of a site with `hosting: industry` are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dingli.environment.machines import Architecture, OperatingSystem
from dingli.environment.values import AbsolutePath, Entry, Name, PrivateEndpoint, Text

__all__ = ["LAB_CA_FILE", "LAB_CREDENTIALS_FILE", "SiteCloud"]

LAB_CA_FILE = "/var/lib/dingli-lab/cloud/tls/ca.pem"
LAB_CREDENTIALS_FILE = "/var/lib/dingli-lab/cloud/credentials"
_INSTANCE_TYPES = {Architecture.X86_64: "m7i.large", Architecture.AARCH64: "m7g.large"}


class SiteCloud(Entry):
    """A region of a cloud that speaks EC2. Credentials are never declared: boto3 finds them."""

    region: Text
    endpoint: PrivateEndpoint | None = None
    """None: Amazon's for the region."""
    ca_file: AbsolutePath | None = None
    """On the controller: what the endpoint's certificate is judged by, if not by the usual list."""
    profile: Text | None = None
    credentials_file: AbsolutePath | None = None
    """On the controller: what takes the place of ~/.aws/credentials."""
    zone: Text | None = None
    instance_types: Mapping[Architecture, Text] = Field(default_factory=dict)
    images: Mapping[OperatingSystem, Text] = Field(default_factory=dict)
    image_owners: Annotated[tuple[Text, ...], Field(min_length=1)] = ("self",)
    first_user: Name = "debian"
    """Whom the images let in with the launch's key; Debian's own at Amazon: admin."""

    @property
    def url(self) -> str:
        """Where EC2 answers."""
        inland = ".cn" if self.region.startswith("cn-") else ""
        return self.endpoint or f"https://ec2.{self.region}.amazonaws.com{inland}"

    def image(self, system: OperatingSystem) -> str:
        """The image's name: that of the operating system, unless another is declared."""
        return self.images.get(system, system.value)

    def instance_type(self, architecture: Architecture) -> str:
        """The size of machines that declare none."""
        return self.instance_types.get(architecture, _INSTANCE_TYPES[architecture])
