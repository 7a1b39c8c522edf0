"""The environment file as text, with the comments that explain it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from dingli.exceptions import InputError
from dingli.initialise.answers import Answers
from dingli.initialise.placing import cores, gateways, journal_members

__all__ = ["as_text"]

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./:-]*")
_NOT_PLAIN = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_NUMBER = re.compile(r"[-+0-9._eE:]+")
_ADDRESS = re.compile(r"[0-9]+(\.[0-9]+){3}(/[0-9]+)?")
_PORTS = {"core": 7400, "core_metrics": 7401, "fix": 7410, "gateway_metrics": 7411}
_PORTS_APART = 20  # between the cells of an environment: they may share hosts
_INSTRUMENT = ("symbol", "tick", "max_quantity", "min_price", "max_price")


def as_text(answers: Answers) -> str:
    """The whole file. Raises InputError where nothing can be derived from what was said."""
    return "\n".join([*_head(answers), *_sites(answers), *_hosts(answers), *_journal(answers), *_cells(answers)]) + "\n"


def _head(answers: Answers) -> Iterator[str]:
    yield f"# {answers.name}: what there is, and what runs where. docs/environment.md explains every key."
    yield f"# Mistakes in it: `dingli env check {answers.name}`. The machines: `dingli check {answers.name}`."
    yield f"name: {_word(answers.name)}"
    yield f"kind: {_word(answers.kind)}   # lab | production: drills run unattended only on a lab"
    yield f"supernet: {_word(answers.supernet)}   # every site's network lies inside"
    if answers.handover:
        yield f"handover: {_word(answers.handover)}   # written by the data centre: root key, host keys' fingerprints"
    else:
        yield "# handover: handover.yaml   # of the data centre: {root_key: PATH, hosts: {NAME: {host_key_sha256: …}}}"
    yield ""
    yield "targets:   # what drills and load tests are judged by"
    notes = {
        "service_rto_s": "first acknowledgement under a newer epoch, after the first kill",
        "member_rto_s": "the same, as a standard FIX client sees it",
        "rpo_commands": "acknowledged commands missing afterwards",
        "orders_per_s": "order entry of a cell",
    }
    for key, note in notes.items():
        yield f"  {key}: {answers.targets[key]:g}   # {note}"
    yield ""


def _sites(answers: Answers) -> Iterator[str]:
    yield "sites:   # roles: one primary; standby takes over by itself, dr by hand; ops holds no core"
    for site in answers.sites:
        keys = {"role": site.role, "city": site.city, "network": site.network}
        yield f"  {_word(site.name)}: {{{_flow(keys)}{_bastion(site.bastion)}}}"
    yield "  # machines of a cloud: `hosting: industry, cloud: {region: …}`; a dr site's only when it is called:"
    yield "  # `readiness: on_demand`; docs/industry-cloud.md"
    yield ""
    yield "# network: {controllers: [NETWORK], members: [NETWORK]}   # whom packet filters let in; docs/network.md"
    yield ""


def _bastion(bastion: tuple[str, str, int] | None) -> str:
    if bastion is None:
        return ""
    user, address, port = bastion
    return f", bastion: {{{_flow({'address': address, 'user': user})}, port: {port}}}"


def _hosts(answers: Answers) -> Iterator[str]:
    if answers.power is None:
        yield "# power:   # without a driver, drills that cut power are refused"
        yield '#   pdu: {driver: command, off: "… {host} {seconds}", on: "… {host}", status: "… {host}"}'
    else:
        yield "power:   # a power-off always carries its end; `status` only asks"
        yield f"  {_word(answers.power.name)}:"
        for key, value in answers.power.settings.items():
            yield f"    {key}: {_word(value)}"
    yield ""
    yield "hosts:   # without a hand-over, each also needs host_key_sha256: `dingli check` shows what it offers"
    for host in answers.hosts:
        keys = {"site": host.site, "address": host.address, "arch": host.arch, "os": host.os}
        if answers.power is not None:
            keys["power"] = answers.power.name
        yield f"  {_word(host.name)}: {{{_flow(keys)}{', emulated: true' if host.emulated else ''}}}"
    yield ""


def _journal(answers: Answers) -> Iterator[str]:
    yield "journal:"
    yield f"  members: [{_list(journal_members(answers))}]   # three or five; no site with a majority"
    yield ""


def _cells(answers: Answers) -> Iterator[str]:
    yield "cells:   # each a set of instruments with a journal of its own; prices in 1/10,000 of the currency unit"
    doors = gateways(answers)
    for index, (name, instruments) in enumerate(answers.cells.items()):
        ports = {key: str(port + index * _PORTS_APART) for key, port in _PORTS.items()}
        yield f"  {_word(name)}:"
        yield "    revision: 1   # raise it when instruments or max_age_ms change"
        yield "    max_age_ms: 30000   # an order older than this when it is committed is rejected"
        yield f"    ports: {{{', '.join(f'{key}: {port}' for key, port in ports.items())}}}"
        yield "    instruments:"
        yield from (f"      - {{{_instrument(words)}}}" for words in instruments)
        yield "    cores:   # one of them leads; a lease that is not renewed lets the next one take over"
        for core in cores(answers):
            keys = {"host": core.host, "kind": core.kind, "takeover": core.takeover}
            yield f"      - {{{_flow(keys)}, lease_s: {core.lease_s}}}"
        yield f"    gateways: [{_list(doors)}]"
        yield "    # PROBE… are for the open-loop probe of drills, SMOKE… for the gate's order, one each per gateway."
        yield f"    sessions: [{_list(_sessions(answers.members, len(doors)))}]"


def _sessions(members: int, doors: int) -> list[str]:
    probes = [f"{kind}{number}" for kind in ("PROBE", "SMOKE") for number in range(1, doors + 1)]
    return [*(f"M{number:03d}" for number in range(1, members + 1)), *probes]


def _instrument(words: str) -> str:
    values = [word.strip() for word in words.split(",")]
    if len(values) != len(_INSTRUMENT) or not all(value.isdecimal() for value in values[1:]):
        raise InputError(
            f"the instrument {words!r}",
            f"{','.join(_INSTRUMENT).upper()}, whole numbers in 1/10,000 of the currency unit",
            "for example CU2612,100000,10000,100000,999900000",
        )
    numbers = ", ".join(f"{key}: {int(value)}" for key, value in zip(_INSTRUMENT[1:], values[1:], strict=True))
    return f"symbol: {_word(values[0])}, {numbers}"


def _flow(keys: Mapping[str, str]) -> str:
    return ", ".join(f"{key}: {_word(value)}" for key, value in keys.items())


def _list(words: list[str]) -> str:
    return ", ".join(map(_word, words))


def _word(text: str) -> str:
    """A scalar that is read as this text, whatever it looks like."""
    plain = _PLAIN.fullmatch(text) and not text.endswith(":") and ": " not in text
    looks_otherwise = text.lower() in _NOT_PLAIN or (_NUMBER.fullmatch(text) and not _ADDRESS.fullmatch(text))
    return text if plain and not looks_otherwise else json.dumps(text, ensure_ascii=False)
