"""The shape of an environment file.

These models say what a single value may be; what must be true between values is in `rules/`. Every model is frozen.
`name` of sites, hosts, power drivers and cells is their key in the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, Strict

from dingli.environment.access import Access
from dingli.environment.classification import Bucket, DataLevels, Hosting, Readiness
from dingli.environment.industry import LAB_CA_FILE, LAB_CREDENTIALS_FILE, SiteCloud
from dingli.environment.machines import Architecture, OperatingSystem
from dingli.environment.power import Power
from dingli.environment.rollout import Rollout
from dingli.environment.targets import Targets
from dingli.environment.values import (
    AbsolutePath,
    Address,
    BucketName,
    Entry,
    Fingerprint,
    Flag,
    MachineId,
    Mailbox,
    Name,
    Network,
    Port,
    Positive,
    PrivateEndpoint,
    Replaceable,
    SessionName,
    Share,
    Smarthost,
    StateUrl,
    Symbol,
    Text,
    Url,
)

__all__ = [
    "Archive",
    "Bastion",
    "Cell",
    "CellPorts",
    "Cloud",
    "Core",
    "CoreKind",
    "Email",
    "Environment",
    "EnvironmentKind",
    "Host",
    "Instrument",
    "Journal",
    "Line",
    "Logs",
    "Monitoring",
    "Site",
    "SiteRole",
    "StateBackend",
    "Takeover",
    "Webhook",
]


class EnvironmentKind(StrEnum):
    """Drills run unattended on a lab only."""

    LAB = "lab"
    PRODUCTION = "production"


class SiteRole(StrEnum):
    """What a site is for; ops holds no core."""

    PRIMARY = "primary"
    STANDBY = "standby"
    DR = "dr"
    OPS = "ops"


class CoreKind(StrEnum):
    """Which of the two programs, written apart, a core runs."""

    MAIN = "main"
    MINIMAL = "minimal"


class Takeover(StrEnum):
    """Whether a core campaigns by itself or waits for a person."""

    AUTOMATIC = "automatic"
    MANUAL = "manual"


class Bastion(Entry):
    """The jump host through which a site's machines are reached."""

    address: Address
    user: Name
    port: Port = 22
    host_key_sha256: Fingerprint | None = None


class Site(Entry):
    """A place with a network of its own."""

    name: str
    role: SiteRole
    city: Name
    network: Network
    hosting: Hosting = Hosting.RACK
    cloud: SiteCloud | None = None
    """None: of the lab's cloud, if its machines are instances."""
    readiness: Readiness = Readiness.WARM
    bastion: Bastion | None = None

    @property
    def trading(self) -> bool:
        """True for every site but ops."""
        return self.role is not SiteRole.OPS

    @property
    def made(self) -> bool:
        """True if its machines are made by its stack, as instances of a cloud."""
        return self.hosting is Hosting.INDUSTRY


class Host(Entry):
    """A machine reached by SSH."""

    name: str
    site: Text
    address: Address
    arch: Architecture
    os: OperatingSystem
    power: Text | None = None
    emulated: Flag = False
    instance_type: Text | None = None
    host_key_sha256: Fingerprint | None = None
    machine_id: MachineId | None = None
    accept_replacement: Replaceable | None = None


class Journal(Entry):
    """The etcd members that agree on every cell's commands."""

    members: tuple[Text, ...]
    majority_site: Text | None = None
    client_port: Port = 2379
    peer_port: Port = 2380


class Logs(Entry):
    """The central logs; everything has a default, and `dingli.environment.logs` says where they are then."""

    keep_days: Positive = 180
    host: Text | None = None
    port: Port = 6514


class Line(Entry):
    """The two encrypted lines between two sites; addresses stand in the order of the gateways."""

    gateways: tuple[Text, ...]
    first: tuple[Address, ...]
    second: tuple[Address, ...]


class CellPorts(Entry):
    """Where a cell's programs listen on their hosts."""

    core: Port
    core_metrics: Port
    fix: Port
    gateway_metrics: Port


class Instrument(Entry):
    """What is traded; prices in 1/10,000 of the currency unit."""

    symbol: Symbol
    tick: Positive
    max_quantity: Positive
    min_price: Positive
    max_price: Positive


class Core(Entry):
    """A matching engine of a cell on a host."""

    host: Text
    kind: CoreKind
    takeover: Takeover
    lease_s: Positive

    @property
    def core_id(self) -> str:
        """Unique within a cell: `primary-1/main`."""
        return f"{self.host}/{self.kind.value}"


class Cell(Entry):
    """A self-contained unit of trading, of switching and of failure."""

    name: str
    revision: Positive
    max_age_ms: Positive
    ports: CellPorts
    instruments: tuple[Instrument, ...]
    cores: tuple[Core, ...]
    gateways: tuple[Text, ...]
    gateways_running: Positive | None = None
    """How many of the gateways run, in the file's order; None: all. The others are prepared and stopped."""
    sessions: tuple[SessionName, ...]

    @property
    def home(self) -> Core:
        """The core that leads in steady state: the first automatic one."""
        return next(core for core in self.cores if core.takeover is Takeover.AUTOMATIC)

    @property
    def running_gateways(self) -> tuple[str, ...]:
        """Hosts whose gateway takes members."""
        return self.gateways[: self.gateways_running]

    @property
    def members(self) -> tuple[str, ...]:
        """Sessions of members: those that neither probe nor smoke-test the cell."""
        return tuple(name for name in self.sessions if not name.startswith(("PROBE", "SMOKE")))


class StateBackend(Entry):
    """Where the engine keeps what it knows; credentials are never declared, they come from the usual AWS chain."""

    backend: StateUrl


class Archive(Entry):
    """The bucket that keeps closed parts of the journal; credentials are never declared, as with the state."""

    bucket: BucketName
    retention_days: Annotated[int, Strict(), Field(ge=1, le=36_500)]
    endpoint: PrivateEndpoint | None = None
    """None: AWS itself."""
    region: Text = "us-east-1"
    ca: AbsolutePath | None = None
    """On the controller: what the endpoint's certificate is judged by, if not by the usual list."""
    credentials_file: AbsolutePath | None = None
    """On the controller: what takes the place of ~/.aws/credentials."""
    segment_entries: Annotated[int, Strict(), Field(ge=100, le=100_000)] = 5_000
    trim_after_hours: Positive | None = None
    """From when on archived entries may be removed from etcd, by hand; None: never."""


class Cloud(Entry):
    """The lab's industry cloud: where `dingli lab up` lets its API listen."""

    address: Address
    port: Port = 8443
    region: Text = "cn-north-1"


class Webhook(Entry):
    """Where alerts are posted. `{token}` in the URL stands for a secret, which is not in the file."""

    url: Url


class Email(Entry):
    """Where alerts are mailed. The password is a secret, which is not in the file."""

    smarthost: Smarthost
    user: Text
    sender: Mailbox
    recipients: Annotated[tuple[Mailbox, ...], Field(min_length=1)]


class Monitoring(Entry):
    """What watches the environment, on every host of the ops site."""

    node_port: Port = 9100
    prometheus_port: Port = 9090
    alertmanager_port: Port = 9093
    scrape_interval_s: Positive = 15
    delay_scale: Share = 1.0
    """The share of their normal delays that alerts and notifications wait: below 1 for tests on a lab."""
    ca_file: Text | None = None
    """On the ops hosts: what the channels' certificates are judged by, if not by the system's list."""
    webhook: Webhook | None = None
    email: Email | None = None


class Environment(Entry):
    """A whole installation, as its file describes it. `dingli.environment.load` is the way to get one."""

    name: Name
    kind: EnvironmentKind
    supernet: Network
    handover: Path | None = None
    targets: Targets
    sites: Mapping[Name, Site]
    power: Mapping[Name, Power] = Field(default_factory=dict)
    hosts: Mapping[Name, Host]
    journal: Journal
    cells: Mapping[Name, Cell]
    witnesses: tuple[Text, ...] | None = None
    state: StateBackend | None = None
    archive: Archive | None = None
    owner: Text | None = None
    """Who answers for what is on a cloud, and is charged for it."""
    data_levels: DataLevels = DataLevels()
    buckets: Mapping[BucketName, Bucket] = Field(default_factory=dict)
    cloud: Cloud | None = None
    monitoring: Monitoring = Field(default_factory=Monitoring)
    logs: Logs = Logs()
    rollout: Rollout = Rollout()
    network: Access = Access()
    lines: tuple[Line, ...] = ()
    root_key: Path | None = Field(default=None, exclude=True)
    """Not a key of the file: it comes with the hand-over."""
    whole: Environment | None = Field(default=None, exclude=True)
    """No key either: where machines of the file are not there now, all that it declares."""

    @property
    def declared(self) -> Environment:
        """With the machines that are not there now, too: of what outlasts a call, such as packet filters."""
        return self.whole or self

    @property
    def first_cell(self) -> str:
        """The cell that is meant where none is named; its active core says where the journal's leader belongs."""
        return next(iter(self.cells))

    def site_of(self, host: str) -> Site:
        """The site on which a declared host stands."""
        return self.sites[self.hosts[host].site]

    def on_call(self, host: str) -> bool:
        """True for a declared host that exists only while its site is called."""
        return self.site_of(host).readiness is Readiness.ON_DEMAND and host not in self.journal.members

    def cloud_of(self, site: str) -> SiteCloud | None:
        """Where the machines of a site are made: the region that it names, or else the lab's cloud."""
        declared, lab = self.sites[site].cloud, self.cloud
        if declared is not None or lab is None:
            return declared
        endpoint = f"https://{lab.address}:{lab.port}"
        handed_over = {"ca_file": LAB_CA_FILE, "credentials_file": LAB_CREDENTIALS_FILE}
        return SiteCloud(region=lab.region, endpoint=endpoint, **handed_over)

    def hosts_at(self, site: str) -> tuple[Host, ...]:
        """The hosts of a site, in the order of the file."""
        return tuple(host for host in self.hosts.values() if host.site == site)
