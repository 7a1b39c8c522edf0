"""Bringing the lab up and taking it down."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from lab import (
    containers,
    controller,
    identity,
    imaging,
    layout,
    namespace,
    network,
    owner,
    power,
    readiness,
    requirements,
    steering,
    switch,
)
from lab.cloud import service as cloud
from lab.containers import Container
from lab.exceptions import LabError
from lab.layout import LabHost, Layout
from lab.places import CUTS, LAYOUT, OWNER, POWER, RUN, STATE, STORAGE

Tell = Callable[[str], None]


class Step(Enum):
    """What has to be done for one host."""

    NOTHING = "is up"
    STAY_OFF = "stays without power"
    START = "start"
    CREATE = "create"


@dataclass(frozen=True)
class Found:
    """The state of a lab on this machine, as far as `up` cares; whole if the parts that hosts share are in order."""

    whole: bool
    containers: Mapping[str, Container]
    plugged_in: frozenset[str]
    off: frozenset[str]


def plan(wanted: Layout, found: Found) -> dict[str, Step]:
    """What `up` does to each host. In a lab that is not whole, no machine is taken to be running."""
    return {host.name: _step(host, found) for host in wanted.hosts}


def _step(host: LabHost, found: Found) -> Step:
    machine = found.containers.get(host.name)
    if machine is None:
        return Step.CREATE
    if host.name in found.off:
        return Step.STAY_OFF
    if found.whole and machine.running and host.name in found.plugged_in:
        return Step.NOTHING
    return Step.START


def up(wanted: Layout, clone: Path, unattended: bool, phase: Callable[[str], None], tell: Tell) -> None:
    """Bring the lab up, from nothing, from remains, or from half of it. Changes nothing if all is up."""
    with owner.sole_operation("up", tell):
        phase("checking this machine")
        _claim(clone, unattended, tell)
        requirements.check(wanted, network.UPLINK)
        requirements.register_emulators(wanted)
        network.close_off(wanted.supernet)
        before = layout.read(LAYOUT)
        _refuse_another_layout(before, wanted)
        identity.prepare(wanted)
        steps = _shared_parts(wanted, phase, tell)
        made = as_made(wanted, before, steps)
        LAYOUT.write_text(made.dumps(), encoding="utf-8")
        if made != before:
            controller.stop()  # it goes by the one that it read
        try:
            _lines(wanted, steps)
            _hosts(wanted, steps, phase, tell)
        finally:
            controller.start()  # whatever happened: what is off, or cut, has an end
        _cloud(wanted, phase)
        phase("waiting for SSH")
        awaited = [host for host in wanted.hosts if steps[host.name] is not Step.STAY_OFF]
        readiness.wait(awaited, tell)


def down(tell: Tell) -> None:
    """Remove machines and networks. Keys, identities and images stay; the addresses lead nowhere."""
    with owner.sole_operation("down", tell):
        _tear_down()


def reset(tell: Tell) -> None:
    """Remove the lab, whoever made it, with its keys, identities and images."""
    with owner.sole_operation("reset", tell):
        _tear_down()
        shutil.rmtree(STATE, ignore_errors=True)


def refuse_foreign(clone: Path) -> None:
    """NotOurs if another clone brought this machine's lab up."""
    found = owner.current()
    if found is not None and owner.judge(found, clone, unattended=False) is owner.Claim.FOREIGN:
        raise owner.refuse(found, unattended=False)


def refuse_reset(clone: Path, unattended: bool) -> None:
    """An unattended reset must not take a lab from someone who works with it."""
    found = owner.current()
    if found is not None and unattended and owner.judge(found, clone, unattended) is owner.Claim.FOREIGN:
        raise owner.refuse(found, unattended)


def _claim(clone: Path, unattended: bool, tell: Tell) -> None:
    found = owner.current()
    claim = owner.judge(found, clone, unattended)
    if found is not None and claim is owner.Claim.FOREIGN:
        raise owner.refuse(found, unattended)
    if found is not None and claim is owner.Claim.ABANDONED:
        tell(f"the lab of {found.clone} is abandoned: removing it")
        _tear_down()
        shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir(parents=True, exist_ok=True, mode=0o700)
    RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner.take(clone)


def as_made(wanted: Layout, before: Layout | None, steps: Mapping[str, Step]) -> Layout:
    """The layout with the images that disks were made from: a machine that is there already keeps its own."""
    known = {host.name: host.image for host in before.hosts} if before is not None else {}
    hosts = (
        host if steps[host.name] is Step.CREATE else replace(host, image=known.get(host.name, host.image))
        for host in wanted.hosts
    )
    return replace(wanted, hosts=tuple(hosts))


def comparable(machines: Layout) -> Layout:
    """What must not change while a lab is there. Another image is for the machines that are made from now on, and lines
    come and go."""
    hosts = tuple(replace(host, image="", line_addresses=()) for host in machines.hosts)
    return replace(machines, cloud=None, hosts=hosts, lines=(), detours=())


def _refuse_another_layout(before: Layout | None, wanted: Layout) -> None:
    if before is not None and comparable(before) != comparable(wanted):
        raise LabError(
            "the lab on this machine was brought up from another description (hosts or networks changed)",
            "the one that it runs with",
            "run `dingli lab down`, then `dingli lab up`: disks are lost, identities stay",
        )


def _shared_parts(wanted: Layout, phase: Callable[[str], None], tell: Tell) -> dict[str, Step]:
    """Router, mount namespace and images; then what is left to do for the hosts."""
    whole = network.router_is_whole(wanted) and namespace.exists() and not _lost(wanted)
    if not whole:
        phase("networks")
        _clear_remains(tell)
        network.build_router(wanted)
        namespace.create()
    machines = containers.all_containers()
    offs = power.load(POWER)
    over = power.due(offs, power.now_s(), power.boot_id())
    plugged = frozenset(host.name for host in wanted.hosts if network.is_plugged_in(host))
    steps = plan(wanted, Found(whole, machines, plugged, frozenset(offs) - frozenset(over)))
    if Step.CREATE in steps.values():
        phase("images")
        imaging.provide(wanted, tell)
    return steps


def _lines(wanted: Layout, steps: Mapping[str, Step]) -> None:
    """Addresses at hosts that run, and the router's ways to gateways and through them, as the file has them now."""
    network.set_up_forwarding()
    for host in wanted.hosts:
        if steps[host.name] is Step.NOTHING:
            network.readdress(host)
    steering.steer(steering.Owner.RACKS, steering.of_racks(wanted))


def _lost(wanted: Layout) -> bool:
    """Whether a host has lost its monitor; a machine of the cloud that has is the cloud's own affair."""
    lost = frozenset(containers.lost_for_good())
    return any(host.name in lost for host in wanted.hosts)


def _hosts(wanted: Layout, steps: Mapping[str, Step], phase: Callable[[str], None], tell: Tell) -> None:
    busy = [host for host in wanted.hosts if steps[host.name] in (Step.CREATE, Step.START)]
    for host in wanted.hosts:
        if steps[host.name] is Step.STAY_OFF:
            tell(f"{host.name} has no power for now")
    if not busy:
        return
    phase(f"hosts: {', '.join(host.name for host in busy)}")
    problems: list[LabError] = []

    def one(host: LabHost) -> None:
        try:
            if steps[host.name] is Step.CREATE:
                network.plug_in(host)  # podman wants to see the network when it makes the machine
                containers.create(host, identity.files(host))
            switch.restore(host)
        except LabError as error:
            problems.append(LabError(f"{host.name}: {error.found}", error.expected, error.remedy))

    threads = [threading.Thread(target=one, args=(host,)) for host in busy]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise LabError("\n".join(problem.found for problem in problems), remedy=problems[0].remedy)


def _cloud(wanted: Layout, phase: Callable[[str], None]) -> None:
    """Running where it is wanted; and where it is not, neither it nor what it made."""
    if wanted.cloud is not None and not cloud.is_alive(wanted.cloud):
        phase("cloud")
        cloud.start(wanted)
    elif wanted.cloud is None and cloud.was_here():
        phase("removing the cloud")
        cloud.remove()


def _clear_remains(tell: Tell) -> None:
    """What a killed lab, or a restart of this machine, left behind. Disks stay."""
    cloud.stop()
    controller.stop()
    ended = containers.end_leftovers()
    remains = network.namespaces()
    if ended or remains:
        tell(f"clearing what an earlier lab left: {ended} machines, {len(remains)} networks")
    for name in remains:
        network.discard(name)
    network.remove_router()
    namespace.remove()
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(parents=True, mode=0o700)


def _tear_down() -> None:
    cloud.stop()
    controller.stop()
    before = layout.read(LAYOUT)
    if before is not None:
        network.close_off(before.supernet)
        for host in before.hosts:
            network.unplug(host)
    if STORAGE.exists():
        if not namespace.exists():
            namespace.create()
        containers.remove_all()
    containers.end_leftovers()
    for name in network.namespaces():
        network.discard(name)
    network.remove_router()
    namespace.remove()
    cloud.discard_disks()
    shutil.rmtree(RUN, ignore_errors=True)
    for path in (POWER, CUTS, LAYOUT, OWNER):
        path.unlink(missing_ok=True)
