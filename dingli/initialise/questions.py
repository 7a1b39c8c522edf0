"""Asking a person, one thing at a time; an answer that cannot be right is asked for again at once."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Network
from typing import Any, TypeVar

import typer
from pydantic import TypeAdapter, ValidationError

from dingli.environment.machines import Architecture, OperatingSystem
from dingli.environment.model import EnvironmentKind, SiteRole
from dingli.environment.values import Address, Name, Network
from dingli.exceptions import InputError
from dingli.initialise import flags
from dingli.initialise.answers import INSTRUMENTS, Answers, Driver, Machine, Place

__all__ = ["ask"]

T = TypeVar("T")
N = TypeVar("N", int, float)

_NAME: TypeAdapter[str] = TypeAdapter(Name)
_NETWORK: TypeAdapter[Any] = TypeAdapter(Network)
_ADDRESS: TypeAdapter[Any] = TypeAdapter(Address)
_USUAL_SITES = (("primary", "primary"), ("standby", "standby"), ("dr", "dr"), ("standby-b", "standby"), ("dr-b", "dr"))
_FEWEST_SITES, _MOST_SITES = 2, 5
_FIRST_HOST = 11  # of a site's network, as a suggestion
_OPS_NETWORK = 9


def ask(given: Answers) -> Answers:
    """Ask for what `given` does not have: sites and hosts where it has none, and what goes with them."""
    kind = _one_of("lab or production", [one.value for one in EnvironmentKind], given.kind)
    supernet = _checked("network inside which every site lies", _NETWORK, given.supernet)
    sites = given.sites or tuple(_sites(IPv4Network(supernet)))
    hosts = given.hosts or tuple(_hosts(sites))
    power = given.power or _power()
    cells = given.cells or _cells()
    handover = given.handover or typer.prompt(
        "file that the data centre writes (root key, host keys); empty if there is none", default="", show_default=False
    )
    targets = dict(given.targets)
    targets["service_rto_s"] = _number("target: service RTO, seconds", float, targets["service_rto_s"], 0.001, 86400)
    targets["orders_per_s"] = _number("target: orders a second", int, int(targets["orders_per_s"]), 1, 10**9)
    return Answers(
        given.name, kind, supernet, sites, hosts, cells, handover, power, given.members, given.witness, targets
    )


def _sites(supernet: IPv4Network) -> list[Place]:
    count = _number("sites that trade", int, 3, _FEWEST_SITES, _MOST_SITES)
    found: list[Place] = []
    for index in range(count):
        name, role = _USUAL_SITES[index]
        found.append(_site(name, role, _part(supernet, index + 1)))
    if count == _FEWEST_SITES:
        typer.echo("Two sites cannot outvote each other: a third place has to hold a witness of the journal.")
    if count == _FEWEST_SITES or typer.confirm("an operations site (load, probes, checker)?", default=True):
        found.append(_site("ops", "ops", _part(supernet, _OPS_NETWORK)))
    return found


def _site(name: str, role: str, network: str) -> Place:
    name = _checked("site", _NAME, name)
    if role != "ops":
        role = _one_of(f"  role of {name}", [one.value for one in SiteRole if one is not SiteRole.OPS], role)
    city = _checked(f"  city of {name}", _NAME, "")
    network = _checked(f"  network of {name}", _NETWORK, network)
    door = _again(
        f"  bastion of {name}, USER@ADDRESS[:PORT]; empty if there is none",
        lambda text: flags.bastion(text) if text else None,
        "",
    )
    return Place(name, role, city, network, door)


def _part(supernet: IPv4Network, index: int) -> str:
    """A /24 of the supernet as a suggestion, or nothing if it is too small."""
    if supernet.prefixlen > 16:
        return ""
    return f"{supernet.network_address + index * 256}/24"


def _hosts(sites: tuple[Place, ...]) -> list[Machine]:
    found: list[Machine] = []
    for site in sites:
        count = _number(f"hosts at {site.name}", int, 2 if site.trading else 1, 1, 100)
        network = IPv4Network(site.network)
        for index in range(count):
            name = _checked("host", _NAME, f"{site.name}-{index + 1}")
            usual = network.network_address + _FIRST_HOST + index
            address = _checked(f"  address of {name}", _ADDRESS, str(usual) if usual in network else "")
            arch = _one_of(f"  architecture of {name}", [one.value for one in Architecture], "x86_64")
            system = _one_of(f"  system of {name}", [one.value for one in OperatingSystem], "debian-13")
            found.append(Machine(name, site.name, address, arch, system))
    return found


def _power() -> Driver | None:
    kind = _one_of("power driver", ["none", "command", "redfish"], "none")
    if kind == "command":
        off = typer.prompt("  command that cuts power, with {host} and {seconds}")
        on = typer.prompt("  command that returns it, with {host}")
        status = typer.prompt("  command that only asks, with {host}; empty if there is none", default="")
        return flags.driver(off, on, status, "")
    if kind == "redfish":
        return _again("  URL with {host},USER,PASSWORD_FILE", lambda text: flags.driver("", "", "", text))
    return None


def _cells() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    while not found or typer.confirm("another cell?", default=False):
        name = _checked("cell", _NAME, "" if found else "alpha")
        typer.echo(
            "  instruments: SYMBOL,TICK,MAX_QUANTITY,MIN_PRICE,MAX_PRICE; prices in 1/10,000; an empty line ends"
        )
        listed: list[str] = []
        usual = list(INSTRUMENTS) if not found else []
        while text := typer.prompt("  instrument", default=usual.pop(0) if usual else "", show_default=bool(usual)):
            listed.append(text)
        found[name] = tuple(listed)
    return found


def _number(question: str, kind: type[N], default: N, least: N, most: N) -> N:
    def read(text: str) -> N:
        try:
            number = kind(text)
        except ValueError:
            raise InputError(repr(text), f"a number from {least:g} to {most:g}") from None
        if not least <= number <= most:
            raise InputError(repr(text), f"{least:g} to {most:g}")
        return number

    return _again(question, read, f"{default:g}")


def _checked(question: str, kind: TypeAdapter[Any], default: str) -> str:
    def read(text: str) -> str:
        try:
            kind.validate_python(text)
        except ValidationError as error:
            raise InputError(repr(text), error.errors()[0]["msg"]) from None
        return text

    return _again(question, read, default or None)


def _one_of(question: str, known: list[str], default: str) -> str:
    def read(text: str) -> str:
        if text not in known:
            raise InputError(repr(text), f"one of {', '.join(known)}")
        return text

    return _again(f"{question} ({', '.join(known)})", read, default or None)


def _again(question: str, read: Callable[[str], T], default: str | None = None) -> T:
    """Ask until `read` takes the answer."""
    while True:
        try:
            return read(typer.prompt(question, default=default, show_default=bool(default)).strip())
        except InputError as error:
            typer.echo(f"  found {error.found}, expected {error.expected}", err=True)
