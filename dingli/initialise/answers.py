"""What a person says about a new environment; everything else is derived from it."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["INSTRUMENTS", "Answers", "Driver", "Machine", "Place"]

INSTRUMENTS = ("CU2612,100000,10000,100000,999900000", "AU2612,200,10000,200,99999800")
"""Examples for the first cell: symbol, tick, largest quantity, lowest and highest price, in 1/10,000."""


@dataclass(frozen=True)
class Place:
    """A site. `bastion`: user, address, port."""

    name: str
    role: str
    city: str
    network: str
    bastion: tuple[str, str, int] | None = None

    @property
    def trading(self) -> bool:
        return self.role != "ops"


@dataclass(frozen=True)
class Machine:
    """A host."""

    name: str
    site: str
    address: str
    arch: str = "x86_64"
    os: str = "debian-13"
    emulated: bool = False


@dataclass(frozen=True)
class Driver:
    """The one power driver of all hosts; its settings as the environment file has them."""

    name: str
    settings: dict[str, str]


@dataclass(frozen=True)
class Answers:
    """Everything that was asked. `cells`: each cell's instruments, in the words of INSTRUMENTS."""

    name: str
    kind: str
    supernet: str
    sites: tuple[Place, ...]
    hosts: tuple[Machine, ...]
    cells: dict[str, tuple[str, ...]]
    handover: str = ""
    power: Driver | None = None
    members: int = 8
    witness: str = ""
    """A host of the ops site that is the journal's third member where only two sites trade."""
    targets: dict[str, float] = field(
        default_factory=lambda: {"service_rto_s": 10, "member_rto_s": 60, "rpo_commands": 0, "orders_per_s": 500}
    )

    def at(self, site: str) -> list[Machine]:
        """The hosts of a site; those that are not emulated come first."""
        return sorted((host for host in self.hosts if host.site == site), key=lambda host: host.emulated)
