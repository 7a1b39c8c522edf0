"""What a lab consists of: the part of an environment that a data centre provides, as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from dingli.environment import Environment, EnvironmentKind
from dingli.environment.lines import line_addresses, protected, site_lines
from dingli.environment.problems import near_miss
from lab.exceptions import LabError, NoSuchHost, NoSuchLine
from lab.recipe import known_recipes, load_recipe

_TRANSIT_PREFIX = 30


@dataclass(frozen=True)
class LabHost:
    """One machine. `image` is the digest of the recipe that its disk is made from; `line_addresses` are what it has
    beside its own, as the gateway of lines."""

    name: str
    site: str
    address: str
    prefix: int
    gateway: str
    arch: str
    os: str
    image: str
    emulated: bool
    line_addresses: tuple[str, ...] = ()

    @property
    def namespace(self) -> str:
        return f"dingli-{self.name}"

    @property
    def port(self) -> str:
        """The switch port that its cable is in; interface names have at most 15 characters."""
        return f"p{int(IPv4Address(self.address)):08x}"

    @property
    def bridge(self) -> str:
        return f"b{int(IPv4Address(self.gateway)):08x}"


@dataclass(frozen=True)
class LabCloud:
    """Where the lab's cloud listens, and which region it is."""

    address: str
    port: int
    region: str


@dataclass(frozen=True)
class LabLine:
    """An encrypted line between two sites, as its carrier knows it: by the addresses at its ends."""

    name: str
    one: str
    other: str


@dataclass(frozen=True)
class Detour:
    """What hosts in `network` send to `destination` goes to the gateway of their site first."""

    network: str
    destination: str
    gateway: str


@dataclass(frozen=True)
class Layout:
    """All machines and networks of a lab, and its cloud, if it has one. `instances` are hosts of the environment that
    stacks make on a cloud: the lab has no machines for them, and no detours, which are up to the cloud."""

    supernet: str
    networks: dict[str, str]
    hosts: tuple[LabHost, ...]
    cloud: LabCloud | None = None
    instances: tuple[str, ...] = ()
    lines: tuple[LabLine, ...] = ()
    detours: tuple[Detour, ...] = ()

    @property
    def transit(self) -> IPv4Network:
        """Between this machine and the lab's router: the last four addresses of the supernet."""
        net = IPv4Network(self.supernet)
        return IPv4Network((int(net.broadcast_address) - 3, _TRANSIT_PREFIX))

    @property
    def gateways(self) -> tuple[str, ...]:
        """The router's addresses at the sites."""
        return tuple(str(IPv4Network(network)[1]) for network in self.networks.values())

    def host(self, name: str) -> LabHost:
        for host in self.hosts:
            if host.name == name:
                return host
        if name in self.instances:
            raise NoSuchHost(
                f"{name} is an instance of a cloud, made by its stack",
                "a host that the lab itself has",
                "stop and start it through the cloud's API: `dingli lab cloud` shows where, and its id",
            )
        known = [host.name for host in self.hosts]
        raise NoSuchHost(
            f"the lab has no host {name!r}",
            f"one of: {', '.join(known)}{near_miss(name, known)}",
            "name a host that `dingli lab status` shows",
        )

    def line(self, name: str) -> LabLine:
        for line in self.lines:
            if line.name == name:
                return line
        known = [line.name for line in self.lines]
        raise NoSuchLine(
            f"the lab has no line {name!r}",
            f"one of: {', '.join(known)}{near_miss(name, known)}" if known else "an environment that declares `lines`",
            "name a line that `dingli lab line` shows",
        )

    def dumps(self) -> str:
        return json.dumps(asdict(self), indent=1)


def loads(text: str) -> Layout:
    data = json.loads(text)
    cloud = data.get("cloud")
    return Layout(
        data["supernet"],
        data["networks"],
        tuple(LabHost(**host | {"line_addresses": tuple(host.get("line_addresses", ()))}) for host in data["hosts"]),
        LabCloud(**cloud) if cloud else None,
        tuple(data.get("instances", ())),
        tuple(LabLine(**line) for line in data.get("lines", ())),
        tuple(Detour(**detour) for detour in data.get("detours", ())),
    )


def read(path: Path) -> Layout | None:
    """The layout of the lab that was brought up last, or None."""
    try:
        return loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LabError(f"{path} is damaged: {error}", remedy="run `dingli lab reset`") from error


def of(environment: Environment) -> Layout:
    """The lab that an environment asks for."""
    if environment.kind is not EnvironmentKind.LAB:
        raise LabError(
            f"environment {environment.name} is of kind {environment.kind.value}",
            "kind: lab",
            "name an environment that is meant for the lab",
        )
    networks = {name: str(site.network) for name, site in environment.sites.items()}
    instances = tuple(name for name in environment.hosts if environment.site_of(name).made)
    hosts = tuple(_host(environment, name) for name in environment.hosts if name not in instances)
    lines = tuple(LabLine(one.name, *(str(end.address) for end in one.ends)) for one in site_lines(environment))
    detours = tuple(one for host in hosts for one in _detours(environment, host))
    layout = Layout(str(environment.supernet), networks, hosts, _cloud(environment), instances, lines, detours)
    _refuse_taken_addresses(layout)
    _refuse_unheard_cloud(layout)
    return layout


def _host(environment: Environment, name: str) -> LabHost:
    host = environment.hosts[name]
    network = environment.sites[host.site].network
    recipe = load_recipe(host.os.value, host.arch.value)
    if recipe is None:
        raise LabError(
            f"host {name} asks for {host.os.value} on {host.arch.value}, for which the lab has no image",
            f"one of: {', '.join(known_recipes())}",
            "change the host in the environment file, or write a recipe in lab/images/",
        )
    return LabHost(
        name=name,
        site=host.site,
        address=str(host.address),
        prefix=network.prefixlen,
        gateway=str(network[1]),
        arch=host.arch.value,
        os=host.os.value,
        image=recipe.digest,
        emulated=host.emulated,
        line_addresses=tuple(str(address) for address in line_addresses(environment, name)),
    )


def _detours(environment: Environment, host: LabHost) -> tuple[Detour, ...]:
    return tuple(Detour(str(own), str(other), host.address) for own, other in protected(environment, host.name))


def _cloud(environment: Environment) -> LabCloud | None:
    cloud = environment.cloud
    return LabCloud(str(cloud.address), cloud.port, cloud.region) if cloud else None


def _refuse_unheard_cloud(layout: Layout) -> None:
    if layout.cloud is None or IPv4Address(layout.cloud.address).is_loopback:
        return
    known = (*layout.gateways, str(layout.transit[1]))
    if layout.cloud.address not in known:
        raise LabError(
            f"the cloud has {layout.cloud.address}",
            f"127.0.0.1, this machine's {layout.transit[1]}, or a site's gateway: {', '.join(layout.gateways)}",
            "correct `cloud.address` in the environment file",
        )


def _refuse_taken_addresses(layout: Layout) -> None:
    for host in layout.hosts:
        if host.address == host.gateway:
            raise LabError(
                f"host {host.name} has {host.address}, the address of its site's gateway", remedy="give it another"
            )
    for site, network in layout.networks.items():
        if IPv4Network(network).overlaps(layout.transit):
            raise LabError(
                f"site {site} has {network}, which covers {layout.transit}",
                f"the last four addresses of {layout.supernet} left to the lab's router",
                "give the site another network, or widen the supernet",
            )
