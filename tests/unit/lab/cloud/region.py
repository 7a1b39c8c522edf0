"""A region of the lab's cloud for tests in which nobody makes true what its API says."""

from __future__ import annotations

from typing import Any

from lab.cloud.backend import ACCOUNT, CloudBackend
from lab.cloud.states import State
from tests.unit.lab.small_lab import LAB

KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE operator"


class Region:
    """A region with a network, a subnet, a group and a key."""

    def __init__(self) -> None:
        CloudBackend.layout = LAB
        self.backend = CloudBackend("cn-north-1", ACCOUNT)
        self.backend.publish_images()
        self.network = self.backend.create_vpc("198.18.5.0/24").id
        self.subnet = self.make_subnet("198.18.5.0/24")
        self.group = self.backend.create_security_group("fix", "members", vpc_id=self.network).id
        self.backend.import_key_pair("operator", KEY, {})
        self.images = {image.architecture: image for image in self.backend.describe_images(owners=["self"])}

    def make_subnet(self, cidr: str) -> str:
        network = self.backend.create_vpc(cidr).id if cidr != "198.18.5.0/24" else self.network
        return str(self.backend.create_subnet(network, cidr, None, availability_zone="cn-north-1a").id)

    def launch(self, address: str = "198.18.5.11", **changes: Any) -> Any:
        card = {"DeviceIndex": 0, "SubnetId": self.subnet, "PrivateIpAddress": address, "Groups": [self.group]}
        card |= {"DeleteOnTermination": True} | changes.pop("card", {})
        asked = {"image_id": self.images["x86_64"].id, "key_name": "operator", "nics": [card]} | changes
        known = {"instance_type": "m7i.large", "is_instance_type_default": False, "region_name": "cn-north-1"}
        made = self.backend.run_instances(asked.pop("image_id"), 1, None, [], **known, **asked)
        return made.instances[0]

    def launched(self, *states: State) -> Any:
        instance = self.launch()
        for state in states:
            self.backend.reached(instance, state)
        return instance
