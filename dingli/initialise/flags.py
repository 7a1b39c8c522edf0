"""What is given on the command line: `NAME=VALUE,VALUE,…` for each site and host."""

from __future__ import annotations

from collections.abc import Sequence

from dingli.exceptions import InputError
from dingli.initialise.answers import INSTRUMENTS, Driver, Machine, Place

__all__ = ["cells", "driver", "machine", "place"]

_SITE = "NAME=ROLE,CITY,NETWORK[,USER@BASTION[:PORT]]"
_HOST = "NAME=SITE,ADDRESS[,ARCH[,OS[,emulated]]]"
_SSH_PORT = 22
_DEFAULTS = ["x86_64", "debian-13"]


def place(text: str) -> Place:
    """A --site."""
    name, values = _named(text, "--site", _SITE, 3, 4)
    return Place(name, values[0], values[1], values[2], bastion(values[3]) if len(values) > 3 else None)


def bastion(text: str) -> tuple[str, str, int]:
    """`USER@ADDRESS[:PORT]`."""
    user, at, server = text.partition("@")
    address, _, port = server.partition(":")
    if not (user and at and address and (port.isdecimal() or not port)):
        raise InputError(f"the bastion {text!r}", "USER@ADDRESS[:PORT]", "for example gate@10.1.0.5:2222")
    return user, address, int(port or _SSH_PORT)


def machine(text: str) -> Machine:
    """A --host."""
    name, values = _named(text, "--host", _HOST, 2, 5)
    if values[4:] not in ([], ["emulated"]):
        raise InputError(f"{values[4]!r} in --host {text}", "`emulated` or nothing", _HOST)
    site, address, arch, os = [*values[:4], *_DEFAULTS[len(values) - 2 :]][:4]
    return Machine(name, site, address, arch, os, emulated=len(values) > 4)


def cells(names: Sequence[str], instruments: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Each --cell with its --instrument; those without a cell's name belong to the first cell."""
    found: dict[str, list[str]] = {name: [] for name in names or ["alpha"]}
    first = next(iter(found))
    for text in instruments:
        cell, colon, words = text.partition(":")
        if colon and cell not in found:
            raise InputError(f"the cell {cell!r} in --instrument {text}", f"one of {', '.join(found)}", "add --cell")
        found[cell if colon else first].append(words if colon else text)
    if not found[first]:
        found[first] = list(INSTRUMENTS)
    bare = [name for name, listed in found.items() if not listed]
    if bare:
        raise InputError(
            f"no instrument for cell {', '.join(bare)}",
            "--instrument CELL:SYMBOL,TICK,MAX_QUANTITY,MIN_PRICE,MAX_PRICE",
            "a symbol belongs to one cell",
        )
    return {name: tuple(listed) for name, listed in found.items()}


def driver(off: str, on: str, status: str, redfish: str) -> Driver | None:
    """The one power driver, or None; Raises InputError for half of one, or two."""
    given = [name for name, value in (("--power-off", off or on or status), ("--redfish", redfish)) if value]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)}", "one power driver", "write further ones into the file afterwards")
    if redfish:
        url, user, password_file = _split(redfish, "--redfish", "URL,USER,PASSWORD_FILE", 3, 3)
        return Driver("bmc", {"driver": "redfish", "url": url, "user": user, "password_file": password_file})
    if not given:
        return None
    if not (off and on):
        raise InputError("half a power driver", "--power-off and --power-on", "`off` gets {host} and {seconds}")
    return Driver("power", {"driver": "command", "off": off, "on": on, **({"status": status} if status else {})})


def _named(text: str, option: str, shape: str, least: int, most: int) -> tuple[str, list[str]]:
    name, equals, rest = text.partition("=")
    if not (name and equals):
        raise InputError(f"{option} {text}", shape, f"see `dingli init --help` for examples of {option}")
    return name, _split(rest, option, shape, least, most)


def _split(text: str, option: str, shape: str, least: int, most: int) -> list[str]:
    values = [value.strip() for value in text.split(",")]
    if not least <= len(values) <= most or not all(values):
        raise InputError(f"{option} {text}", shape, f"see `dingli init --help` for examples of {option}")
    return values
