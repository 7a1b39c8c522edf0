"""moto's EC2, with the truth in it.

moto says `running` as soon as it is asked, because nothing runs. Here a call only notes what is wanted, as a state that
is on its way (`pending`, `stopping`, `shutting-down`, `attaching`, `detaching`), and `reached` is called when it has
come true. It is a subclass of moto's backend, put in moto's place before the first request (`install`), rather than
something that rewrites answers on the wire: descriptions, filters, previous states and what moto refuses because
something is in use all read the same objects, and so all of them are true. Address, groups and disks of a terminated
instance stay in use until its machine is gone.
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, ClassVar

from flask import has_request_context, request
from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError, VolumeInUseError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_block_store import VolumeAttachment
from moto.ec2.models.instances import Instance, InstanceState, Reservation, StateReason
from moto.ec2.models.route_tables import Route
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses.general import General

from lab.cloud.states import State
from lab.layout import LabHost, Layout
from lab.recipe import Recipe, known_recipes, load_recipe

__all__ = ["CloudBackend", "Guest", "install", "route_state"]

ACCOUNT = "123456789012"
_API_NAMES = {"aarch64": "arm64"}
_TAG = "dingli:architecture"
_RESERVED = 4  # the first addresses of a subnet, and its last one

Changed = list[tuple[Instance, InstanceState]]


@dataclass(frozen=True)
class Guest:
    """What is fixed when an instance is launched. The machine's name is the instance's id."""

    host: LabHost
    hostname: str
    public_key: str
    user_data: str

    @property
    def subnet(self) -> str:
        return str(IPv4Network((self.host.address, self.host.prefix), strict=False))


class CloudBackend(EC2Backend):
    """One region of one account. Its caller holds the cloud's lock."""

    layout: ClassVar[Layout]
    __module__ = EC2Backend.__module__  # by which moto finds the addresses that a backend answers to

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.guests: dict[str, Guest] = {}
        self.recipes: dict[str, Recipe] = {}
        self.consoles: dict[str, str] = {}
        self.forced: set[str] = set()
        """Stopped without asking the guest."""
        self.reboots: set[str] = set()

    def publish_images(self) -> None:
        """The lab's images, named like their operating system. The architecture is said, and tagged."""
        for name in known_recipes():
            os_name, _, arch = name.rpartition("-")
            recipe = load_recipe(os_name, arch)
            assert recipe is not None
            image = self.register_image(recipe.os, f"the lab's {recipe.name}")
            image.architecture = _API_NAMES.get(recipe.arch, recipe.arch)
            image.add_tags({_TAG: recipe.arch})
            self.recipes[image.id] = recipe

    def state_of(self, instance: Instance) -> State:
        return State.named(instance.state)

    def show(self, instance: Instance, state: State, reason: tuple[str, str] = ("", "")) -> None:
        """What every answer says from now on. `reason`: code and words."""
        name, code = state.value
        instance._state = InstanceState(name, code)
        instance.state_reason = StateReason(": ".join(filter(None, reason)), reason[0])
        instance._reason = reason[1]

    def reached(self, instance: Instance, state: State) -> None:
        """The machine has come to it."""
        reason = (instance.state_reason.code, instance._reason)
        if state is State.TERMINATED:
            instance.terminate()  # moto gives address, groups and disks back
            self.guests.pop(instance.id)
        if state is State.STOPPED and self.state_of(instance) is State.RUNNING:
            reason = ("Client.InstanceInitiatedShutdown", "it shut itself down, or its machine ended")
        self.show(instance, state, ("", "") if state is State.RUNNING else reason)

    def run_instances(
        self,
        image_id: str,
        count: int,
        user_data: Base64EncodedString | None,
        security_group_names: list[str],
        **kwargs: Any,
    ) -> Reservation:
        self._refuse_launch(image_id, kwargs)
        made = super().run_instances(image_id, count, user_data, security_group_names, **kwargs)
        for instance in made.instances:
            self.guests[instance.id] = self._guest(instance)
            self.show(instance, State.PENDING)
        return made

    def start_instances(self, instance_ids: list[str]) -> Changed:
        return self._ask(instance_ids, State.PENDING, (State.STOPPED,), (State.PENDING, State.RUNNING))

    def stop_instances(self, instance_ids: list[str]) -> Changed:
        """With `SkipOsShutdown` the power is cut; otherwise the guest is asked first, with `Force`, too."""
        if has_request_context() and request.values.get("SkipOsShutdown") == "true":
            self.forced.update(instance_ids)
        from_, there = (State.PENDING, State.RUNNING), (State.STOPPING, State.STOPPED)
        return self._ask(instance_ids, State.STOPPING, from_, there)

    def terminate_instances(self, instance_ids: list[str]) -> Changed:
        from_ = (State.PENDING, State.RUNNING, State.STOPPING, State.STOPPED)
        return self._ask(instance_ids, State.SHUTTING_DOWN, from_, (State.SHUTTING_DOWN, State.TERMINATED))

    def reboot_instances(self, instance_ids: list[str]) -> list[Instance]:
        asked = self.get_multi_instances_by_id(instance_ids)
        self.reboots.update(one.id for one in asked if self.state_of(one) is State.RUNNING)
        return asked

    def modify_instance_attribute(self, instance_id: str, key: str, value: Any) -> Instance:
        instance = super().modify_instance_attribute(instance_id, key, value)
        if key == "source_dest_check":
            instance.nics[0].source_dest_check = value  # one and the same, where there is one network interface
        return instance

    def delete_subnet(self, subnet_id: str) -> Subnet:
        if any(self.get_instance(name).subnet_id == subnet_id for name in self.guests):
            raise EC2ClientError("DependencyViolation", f"The subnet '{subnet_id}' has instances in it")
        return super().delete_subnet(subnet_id)

    def forwards(self, instance_id: str) -> bool:
        """Whether there is such a machine, and it may send and be sent what is not from or to itself."""
        return instance_id in self.guests and not self.get_instance(instance_id).source_dest_check

    def create_route(self, *arguments: Any, **asked: Any) -> Route:
        self._refuse_route(arguments[0] if arguments else asked["route_table_id"], asked)
        return super().create_route(*arguments, **asked)

    def replace_route(self, *arguments: Any, **asked: Any) -> Route:
        self._refuse_route(arguments[0] if arguments else asked["route_table_id"], asked)
        return super().replace_route(*arguments, **asked)

    def attach_volume(
        self, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False
    ) -> VolumeAttachment | None:
        taken = self.get_volume(volume_id).attachment
        if taken is not None:
            raise VolumeInUseError(volume_id, taken.instance_id)
        instance = self.get_instance(instance_id)
        if self.state_of(instance) in (State.SHUTTING_DOWN, State.TERMINATED):
            raise EC2ClientError("IncorrectState", f"{instance_id} is {instance.state}")
        if device_path in instance.block_device_mapping:
            raise EC2ClientError("InvalidParameterValue", f"{device_path} of {instance_id} is in use")
        attachment = super().attach_volume(volume_id, instance_id, device_path, delete_on_termination)
        if attachment is not None and device_path != instance.root_device_name:
            attachment.status = "attaching"
        return attachment

    def detach_volume(self, volume_id: str, instance_id: str, device_path: str) -> VolumeAttachment:
        attachment = self.get_volume(volume_id).attachment
        if attachment is None or self.state_of(attachment.instance) is State.SHUTTING_DOWN:
            return super().detach_volume(volume_id, instance_id, device_path)
        if attachment.instance_id != instance_id:
            raise EC2ClientError("InvalidAttachment.NotFound", f"{volume_id} is not attached to {instance_id}")
        if attachment.device == attachment.instance.root_device_name:
            raise EC2ClientError("OperationNotPermitted", f"{volume_id} is the root disk of {instance_id}")
        attachment.status = "detaching"
        return attachment

    def disk_moved(self, attachment: VolumeAttachment) -> None:
        """What was attaching is attached, what was detaching is gone."""
        if attachment.status == "attaching":
            attachment.status = "attached"
        else:
            super().detach_volume(attachment.volume_id, attachment.instance_id, attachment.device)

    def data_attachments(self) -> list[VolumeAttachment]:
        """All but the root disks, which are the machines' own."""
        found = [volume.attachment for volume in self.volumes.values() if volume.attachment]
        return [one for one in found if one.device != one.instance.root_device_name]

    def _ask(self, ids: list[str], wanted: State, from_: tuple[State, ...], there: tuple[State, ...]) -> Changed:
        instances = self.get_multi_instances_by_id(ids)
        for one in instances:
            state = self.state_of(one)
            if state not in (*from_, *there):
                raise EC2ClientError("IncorrectInstanceState", f"{one.id} is {state.value[0]}")
            if wanted is State.SHUTTING_DOWN and one.disable_api_termination:
                raise EC2ClientError("OperationNotPermitted", f"{one.id} is protected from termination")
        before = [(one, one._state) for one in instances]
        reason = ("Client.UserInitiatedShutdown", f"User initiated ({utcnow():%Y-%m-%d %H:%M:%S} UTC)")
        for one in instances:
            if self.state_of(one) in from_:
                self.show(one, wanted, ("", "") if wanted is State.PENDING else reason)
        return before

    def _refuse_route(self, route_table_id: str, asked: dict[str, Any]) -> None:
        """Only what is to an instance is made true; what else there is in a cloud stays on paper."""
        if not asked.get("instance_id"):
            return
        instance, table = self.get_instance(asked["instance_id"]), self.get_route_table(route_table_id)
        if self.state_of(instance) in (State.SHUTTING_DOWN, State.TERMINATED):
            raise EC2ClientError("IncorrectState", f"{instance.id} is {instance.state}")
        if instance.vpc_id != table.vpc_id:
            raise EC2ClientError(
                "InvalidParameterValue", f"route table {table.id} and instance {instance.id} are of different networks"
            )

    def _refuse_launch(self, image_id: str, asked: dict[str, Any]) -> None:
        cards = asked.get("nics") or [{}]
        subnet_id = asked.get("subnet_id") or cards[0].get("SubnetId")
        if image_id not in self.recipes:
            raise EC2ClientError("InvalidAMIID.NotFound", f"the image {image_id} does not exist")
        key = asked.get("key_name")
        if key and key not in self.key_pairs:
            raise EC2ClientError("InvalidKeyPair.NotFound", f"the key pair {key} does not exist")
        if len(cards) > 1 or not subnet_id:
            raise EC2ClientError("UnsupportedOperation", "this cloud wants one network interface, and its subnet")
        groups = cards[0].get("Groups") or []
        for group in groups:
            if self.get_security_group_from_id(group) is None:
                raise EC2ClientError("InvalidGroup.NotFound", f"the security group {group} does not exist")
        network = IPv4Network(self.get_subnet(subnet_id).cidr_block)
        self._refuse_network(network)
        address = asked.get("private_ip") or cards[0].get("PrivateIpAddress")
        if address:
            self._refuse_address(IPv4Address(address), network)

    def _refuse_network(self, network: IPv4Network) -> None:
        """Cables lead to the lab's own addresses only, and other machines of the lab stand apart."""
        lab, others = self.layout, [IPv4Network(one) for one in self.layout.networks.values()]
        inside = network.subnet_of(IPv4Network(lab.supernet)) and not network.overlaps(lab.transit)
        clash = any(network.overlaps(other) and network != other for other in others)
        shared = any(IPv4Address(host.address) in network for host in lab.hosts)
        if not inside or clash or shared:
            raise EC2ClientError(
                "InvalidSubnet.Conflict",
                f"machines in {network}: this cloud has cables inside {lab.supernet} only, and not where the lab's "
                "own hosts stand",
            )

    def _refuse_address(self, address: IPv4Address, network: IPv4Network) -> None:
        if address not in network or int(address) - int(network[0]) < _RESERVED or address == network[-1]:
            raise EC2ClientError("InvalidParameterValue", f"Address {address} is not one of {network} for machines")
        if any(guest.host.address == str(address) for guest in self.guests.values()):
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {address} is in use.")

    def _guest(self, instance: Instance) -> Guest:
        recipe, card = self.recipes[instance.image_id], instance.nics[0]
        network = IPv4Network(card.subnet.cidr_block)
        address = str(card.private_ip_address)
        host = LabHost(
            name=instance.id,
            site="cloud",
            address=address,
            prefix=network.prefixlen,
            gateway=str(network[1]),
            arch=recipe.arch,
            os=recipe.os,
            image=recipe.digest,
            emulated=recipe.emulated_here,
        )
        key = self.key_pairs[instance.key_name].public_key if instance.key_name else ""
        data = b64decode(instance.user_data.as_bytes()).decode(errors="replace") if instance.user_data else ""
        return Guest(host, f"ip-{address.replace('.', '-')}", key, data)


def _console_output(self: General) -> ActionResult:
    """What the guest wrote at its first boot; moto would answer with a sample."""
    instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
    text = self.ec2_backend.consoles.get(instance.id, "")
    told = {"InstanceId": instance.id, "Timestamp": utcnow(), "Output": Base64EncodedString.from_raw_string(text)}
    return ActionResult(told)


def route_state(route: Route) -> str:
    """`blackhole` if its instance does not run; moto says `active` always."""
    return "active" if route.instance is None or route.instance.state == State.RUNNING.value[0] else "blackhole"


def install(layout: Layout, region: str) -> CloudBackend:
    """Puts it in moto's place in this process, with the lab's images, and returns the region's backend."""
    CloudBackend.layout = layout
    ec2_backends.backend = CloudBackend
    General.get_console_output = _console_output  # type: ignore[method-assign]
    Route.state = property(route_state)  # type: ignore[assignment,method-assign]
    backend = ec2_backends[ACCOUNT][region]
    assert isinstance(backend, CloudBackend), "moto made its own before"
    backend.publish_images()
    return backend
