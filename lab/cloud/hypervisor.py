"""Makes true what the API says, and tells the API what has become true.

A loop that compares: instances with machines, security groups with the router's filters, route tables with its routes,
attachments with mounts. What takes time (building, booting, shutting down) is done by one thread for each instance; the
loop looks at the next one meanwhile, and at the same one again when its thread is done. It sleeps until a call changed
something.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from moto.ec2.models.instances import Instance

from lab import containers, imaging, network, requirements, switch
from lab.cloud import disks, first_boot, wires
from lab.cloud.backend import CloudBackend, Guest
from lab.cloud.filters import NO_GUESTS, ruleset
from lab.cloud.permissions import guest_filters
from lab.cloud.states import Act, Seen, State, next_step
from lab.cloud.ways import ways
from lab.command import attempt
from lab.exceptions import LabError
from lab.layout import Layout
from lab.steering import NOTHING, Owner, steer

__all__ = ["Hypervisor"]

_ROUND_S = 0.5  # while something is on its way
_IDLE_S = 5.0  # looking for guests that ended by themselves
_AGAIN_S = 5.0  # after a failure that is tried again
_POWER_BUTTON_S = 20.0
_PREFIX = "i-"

log = logging.getLogger("lab.cloud")


class Hypervisor:
    """`lock` is the API's: held while moto's objects are read or changed, and never while a machine is waited for."""

    def __init__(self, backend: CloudBackend, layout: Layout, lock: threading.Condition) -> None:
        self._backend, self._layout, self._lock = backend, layout, lock
        self._built: set[str] = set()
        self._answering: set[str] = set()
        self._working: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._made = (NO_GUESTS, NOTHING)
        self._images = threading.Lock()

    @staticmethod
    def clear() -> None:
        """What an earlier cloud left: its instances are known to nobody any more."""
        for name in containers.all_containers():
            if name.startswith(_PREFIX):
                containers.remove(name)
        for name in network.namespaces():
            if name.startswith(f"dingli-{_PREFIX}"):
                network.discard(name)
        disks.forget_all()
        Hypervisor.clear_networks()

    @staticmethod
    def clear_networks() -> None:
        """No filters, routes and switches of a cloud."""
        wires.filter_guests(NO_GUESTS)
        steer(Owner.CLOUD, NOTHING)
        wires.drop_switches(())

    def run(self) -> None:
        """For ever. A round that fails is logged, and tried again."""
        while True:
            with self._lock:
                busy = self._round_or_not()
                self._lock.wait(_ROUND_S if busy else _IDLE_S)

    def _round_or_not(self) -> bool:
        try:
            return self.round()
        except LabError as error:
            log.error("%s", error)
            return True
        except Exception:  # the process's outermost edge: its end would be that of all machines
            log.exception("a round failed")
            return False  # what nobody foresaw is there again in the next one: no need to hurry

    def round(self) -> bool:
        """One comparison, under the lock. Whether something is on its way."""
        self._networks()
        self._disks()
        on = containers.alive()
        busy = [self._look_at(self._backend.get_instance(name), on) for name in list(self._backend.guests)]
        return any(busy)

    def _networks(self) -> None:
        """Switches, filters and routes before the guests that are behind them."""
        subnets = {guest.subnet for guest in self._backend.guests.values()}
        rules, steered = ruleset(guest_filters(self._backend)), ways(self._backend)
        if (rules, steered) != self._made:
            for subnet in sorted(subnets):
                wires.make_switch(subnet)
            wires.filter_guests(rules)
            steer(Owner.CLOUD, steered)
            wires.drop_switches(subnets)
            self._made = (rules, steered)

    def _disks(self) -> None:
        for one in self._backend.data_attachments():
            if one.status == "attaching":
                disks.attach(one.volume_id, one.instance_id, one.device)
            elif one.status == "detaching":
                disks.detach(one.instance_id, one.device)
            else:
                continue
            log.info("%s: %s is %s", one.instance_id, one.volume_id, one.status)
            self._backend.disk_moved(one)
        disks.erase_all_but(self._backend.volumes)

    def _look_at(self, instance: Instance, on: frozenset[str]) -> bool:
        name, shown = instance.id, self._backend.state_of(instance)
        if name in self._working:
            return True
        if name in self._backend.reboots:
            self._backend.reboots.discard(name)
            return shown is not State.RUNNING or self._begin(name, self._reboot)
        seen = Seen(name in self._built, name in on, name in self._answering)
        act, state = next_step(shown, seen)
        if state is not shown:
            log.info("%s: %s", name, state.value[0])
            self._backend.reached(instance, state)
        if (shown, state) == (State.RUNNING, State.STOPPED):
            return self._begin(name, self._cut)
        if act is Act.NOTHING:
            return state is not shown
        return self._not_before.get(name, 0.0) > time.monotonic() or self._begin(name, self._how(act))

    def _begin(self, name: str, work: Callable[[Guest], None]) -> bool:
        guest = self._backend.guests[name]
        self._working.add(name)
        threading.Thread(target=self._work, args=(guest, work), name=name, daemon=True).start()
        return True

    def _how(self, act: Act) -> Callable[[Guest], None]:
        return {
            Act.BUILD: self._build,
            Act.POWER_ON: self._power_on,
            Act.POWER_OFF: self._power_off,
            Act.PROBE: self._probe,
            Act.REMOVE: self._remove,
        }[act]

    def _work(self, guest: Guest, work: Callable[[Guest], None]) -> None:
        try:
            work(guest)
        except LabError as error:
            log.error("%s: %s", guest.host.name, error)
            self._not_before[guest.host.name] = time.monotonic() + _AGAIN_S
            with self._lock:
                self._give_up(guest.host.name, error)
        finally:
            with self._lock:
                self._working.discard(guest.host.name)
                self._lock.notify_all()

    def _give_up(self, name: str, error: LabError) -> None:
        """A machine that cannot be made, or does not start, is not `pending` for ever."""
        instance = self._backend.get_instance(name)
        if self._backend.state_of(instance) is State.PENDING:
            state = State.STOPPING if name in self._built else State.SHUTTING_DOWN
            self._backend.show(instance, state, ("Server.InternalError", error.found))

    def _build(self, guest: Guest) -> None:
        host, alone = guest.host, Layout(self._layout.supernet, {}, (guest.host,))
        with self._images:
            requirements.register_emulators(alone)
            imaging.provide(alone, lambda line: log.info("%s: %s", host.name, line))
        boot = first_boot.prepare(guest)
        shared = {disks.prepare(host.name): disks.MOUNTED_AT}
        self._answering.discard(host.name)
        network.plug_in(host)  # podman wants to see the network when it makes the machine
        try:
            containers.create(host, boot.files, guest.hostname, shared)
        except LabError:
            self._remove(guest)
            raise
        with self._lock:
            self._backend.consoles[host.name] = boot.console
            self._built.add(host.name)
        self._power_on(guest)

    def _power_on(self, guest: Guest) -> None:
        self._answering.discard(guest.host.name)
        log.info("%s: power on", guest.host.name)
        switch.restore(guest.host)

    def _power_off(self, guest: Guest) -> None:
        name = guest.host.name
        with self._lock:
            forced = name in self._backend.forced
            self._backend.forced.discard(name)
        if not forced:
            containers.shut_down(name, _POWER_BUTTON_S)
        switch.cut(guest.host)
        log.info("%s: power off%s", name, ", cut" if forced else "")

    def _cut(self, guest: Guest) -> None:
        """Of a guest that ended by itself, whatever is left of it."""
        switch.cut(guest.host)

    def _reboot(self, guest: Guest) -> None:
        self._power_off(guest)
        self._power_on(guest)

    def _probe(self, guest: Guest) -> None:
        """From inside the guest's own network: its filter may let nobody else in."""
        host = guest.host
        script = f"exec 3<>/dev/tcp/{host.address}/22 && head -c 4 <&3"
        inside = ["ip", "netns", "exec", host.namespace, "timeout", "2", "bash", "-c", script]
        if attempt(inside).stdout == b"SSH-":
            self._answering.add(host.name)
        else:
            time.sleep(_ROUND_S)

    def _remove(self, guest: Guest) -> None:
        switch.cut(guest.host)
        containers.remove(guest.host.name)
        disks.forget(guest.host.name)
        log.info("%s: removed", guest.host.name)
        with self._lock:
            self._built.discard(guest.host.name)
            self._backend.consoles.pop(guest.host.name, None)
