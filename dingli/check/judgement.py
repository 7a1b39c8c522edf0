"""What a host says of itself, against what the environment declares. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from dingli.check.contact import Seen
from dingli.check.facts import Facts
from dingli.check.finding import Finding, State
from dingli.check.requirements import Requirements
from dingli.environment import Host
from dingli.ssh import DEPLOY_USER

__all__ = ["HOST_CHECKS", "judge"]

HOST_CHECKS = (
    "ssh",
    "host key",
    "sudo",
    "arch",
    "os",
    "cores",
    "memory",
    "disk",
    "clock",
    "ports",
    "packages",
    "power",
)
_ASKED = ("sudo", "arch", "os", "cores", "memory", "disk", "ports", "packages")
_DECLARE = "correct `{key}` of hosts.{host} in the environment file, or the address"


def judge(declared: Host, needed: Requirements, seen: Seen) -> Iterator[Finding]:
    """The findings of one host. One that could not be asked is `cannot tell` in everything that it was not asked."""
    yield from (_let_in(needed, seen.facts, one) if seen.facts else one for one in seen.contact)
    if seen.facts is None:
        told = {one.check for one in seen.contact}
        for check in ("host key", *_ASKED):
            if check not in told:
                yield Finding(declared.name, check, State.UNKNOWN, "the host could not be asked")
        return
    yield _sudo(seen, seen.facts)
    yield _same(declared, "arch", seen.facts.arch, declared.arch.value)
    yield _same(declared, "os", seen.facts.os, declared.os.value)
    yield from _sizes(declared, needed, seen.facts)
    yield _ports(declared.name, needed, seen.facts)
    yield _packages(declared.name, needed, seen.facts)


def _let_in(needed: Requirements, facts: Facts, contact: Finding) -> Finding:
    """SSH works now; whether it would with the packet filter that `up` brings."""
    if contact.check != "ssh" or not facts.asked_from:
        return contact
    address = ip_address(facts.asked_from)
    if any(address in network for network in needed.ssh_from):
        return contact
    networks = ", ".join(map(str, needed.ssh_from))
    expected = f"one of the networks that its packet filter will let in: {networks}"
    remedy = "name this machine's address in network.controllers of the environment file, or use one of those"
    return Finding(contact.subject, "ssh", State.FAILED, f"it was asked from {facts.asked_from}", expected, remedy)


def _sudo(seen: Seen, facts: Facts) -> Finding:
    if facts.root:
        how = "without a password" if seen.account != "root" else "root itself"
        return Finding(seen.host, "sudo", State.GOOD, how)
    remedy = f"as root: visudo -f /etc/sudoers.d/{DEPLOY_USER}, with NOPASSWD; or `dingli up --refresh`"
    return Finding(seen.host, "sudo", State.FAILED, f"{seen.account} may not use it", "sudo without a password", remedy)


def _same(declared: Host, key: str, found: str, expected: str) -> Finding:
    if found == expected:
        return Finding(declared.name, key, State.GOOD, found)
    remedy = _DECLARE.format(key=key, host=declared.name)
    return Finding(declared.name, key, State.FAILED, found, f"{expected}, as declared", remedy)


def _sizes(declared: Host, needed: Requirements, facts: Facts) -> Iterator[Finding]:
    yield _least(declared.name, "cores", facts.cores, needed.cores, "")
    yield _least(declared.name, "memory", facts.memory_mib, needed.memory_mib, " MiB")
    if not facts.disk_mib:
        yield Finding(declared.name, "disk", State.UNKNOWN, "df says nothing", "free space of /var/lib and /opt")
        return
    folder, mib = min(facts.disk_mib.items(), key=lambda item: item[1])
    yield _least(declared.name, "disk", mib, needed.disk_mib, f" MiB free on {folder}")


def _least(host: str, check: str, found: int, least: int, unit: str) -> Finding:
    if found >= least:
        return Finding(host, check, State.GOOD, f"{found}{unit}")
    remedy = f"give {host} more, or put its programs on another host in the environment file"
    return Finding(host, check, State.FAILED, f"{found}{unit}", f"at least {least}{unit.split(' on ')[0]}", remedy)


def _ports(host: str, needed: Requirements, facts: Facts) -> Finding:
    if not needed.ports:
        return Finding(host, "ports", State.GOOD, "none is needed")
    if facts.listeners is None:
        return Finding(host, "ports", State.UNKNOWN, "no `ss` on the host", "iproute2", f"install iproute2 on {host}")
    owners = {port.number: port.unit for port in needed.ports}
    found = [one for one in facts.listeners if one.port in owners]
    strangers = {
        f"{one.port} by {one.program} ({one.unit})" for one in found if one.unit not in ("-", owners[one.port])
    }
    hidden = {str(one.port) for one in found if one.unit == "-"}
    if strangers:
        remedy = f"stop that program on {host} (`ss -tlnp`), or choose other ports in the environment file"
        return Finding(host, "ports", State.FAILED, f"taken: {', '.join(sorted(strangers))}", "free ports", remedy)
    if hidden:
        found_text = f"taken, by a program that cannot be seen: {', '.join(sorted(hidden))}"
        return Finding(host, "ports", State.UNKNOWN, found_text, "free ports", f"see `sudo ss -tlnp` on {host}")
    ours = len({one.port for one in found})
    return Finding(host, "ports", State.GOOD, f"{len(owners) - ours} free, {ours} ours")


def _packages(host: str, needed: Requirements, facts: Facts) -> Finding:
    if facts.packages is None:
        return Finding(host, "packages", State.UNKNOWN, "no dpkg-query on the host", "a Debian system")
    missing = [*(name for name in needed.packages if name not in facts.packages), *facts.missing_commands]
    if missing:
        remedy = f"on {host}: apt-get install {' '.join(missing)}"
        return Finding(host, "packages", State.FAILED, f"missing: {', '.join(missing)}", "all of them", remedy)
    return Finding(host, "packages", State.GOOD, f"{len(needed.packages)} of {len(needed.packages)}")
