"""The power controller: a small daemon that cuts and returns power, lines between sites too, and keeps every end.

Requests and answers are one line of JSON each, over a Unix socket: {"op": "off", "host": NAME, "seconds": N},
{"op": "on", "host": NAME}, {"op": "cut", "line": NAME, "seconds": N}, {"op": "mend", "line": NAME}, {"op": "ping"};
{"ok": true, …} or {"ok": false, "found": …, "remedy": …}.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socketserver
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from lab import cuts, layout, power, switch
from lab.exceptions import LabError
from lab.places import CUTS, DAEMON_PID, LAYOUT, POWER, SOCKET

_RETRY_S = 5.0

log = logging.getLogger("lab.powerd")


class Promises:
    """What was taken away, until when, and how it is given back. `changed` is told of every change."""

    def __init__(self, file: Path, changed: threading.Condition, give_back: Callable[[str], object]) -> None:
        self._file, self._changed, self._give_back = file, changed, give_back
        self._offs = power.load(file)
        self._boot_id = power.boot_id()

    @property
    def names(self) -> tuple[str, ...]:
        with self._changed:
            return tuple(self._offs)

    def note(self, name: str, seconds: float) -> None:
        until = power.now_s() + power.duration_s(f"{seconds:g}")
        with self._changed:
            self._offs[name] = power.PowerOff(name, until, self._boot_id)
            power.save(self._file, self._offs)
            self._changed.notify_all()

    def forget(self, name: str) -> bool:
        """Whether there was something to forget."""
        with self._changed:
            found = self._offs.pop(name, None)
            power.save(self._file, self._offs)
            self._changed.notify_all()
        return found is not None

    def wait_s(self) -> float | None:
        return power.next_wake_s(self._offs, power.now_s(), self._boot_id)

    def keep(self) -> bool:
        """Give back what is due; whether all of it could be."""
        with self._changed:
            due = power.due(self._offs, power.now_s(), self._boot_id)
        return not [name for name in due if not self._end(name)]

    def _end(self, name: str) -> bool:
        with self._changed:
            if name not in power.due(self._offs, power.now_s(), self._boot_id):
                return True  # taken away anew meanwhile
        try:
            self._give_back(name)
        except LabError as error:
            log.error("%s: cannot return: %s", name, error)
            return False
        return True


class Controller:
    """Owns the lists of power-offs and of lines that are cut; everything that changes them goes through here."""

    def __init__(self, machines: layout.Layout) -> None:
        self._machines = machines
        self._changed = threading.Condition()
        self._offs = Promises(POWER, self._changed, self.on)
        self._cuts = Promises(CUTS, self._changed, self.mend)
        self._cutting = threading.Lock()
        for name in set(self._cuts.names) - {line.name for line in machines.lines}:
            self._cuts.forget(name)
        try:
            self._cut_only(*self._cuts.names)
        except LabError as error:
            log.error("lines are not cut: %s", error)

    def off(self, host: str, seconds: float) -> dict[str, Any]:
        machine = self._machines.host(host)
        self._offs.note(host, seconds)
        switch.cut(machine)
        log.info("%s: off for %g s", host, seconds)
        return {"host": host, "power": "off", "seconds": seconds}

    def on(self, host: str) -> dict[str, Any]:
        changed = switch.restore(self._machines.host(host))
        self._offs.forget(host)
        log.info("%s: %s", host, "on" if changed else "was on")
        return {"host": host, "power": "on", "changed": changed}

    def cut(self, line: str, seconds: float) -> dict[str, Any]:
        self._machines.line(line)
        with self._cutting:
            self._cuts.note(line, seconds)
            self._cut_only(*self._cuts.names)
        log.info("%s: cut for %g s", line, seconds)
        return {"line": line, "state": "cut", "seconds": seconds}

    def mend(self, line: str) -> dict[str, Any]:
        self._machines.line(line)
        with self._cutting:
            self._cut_only(*(one for one in self._cuts.names if one != line))
            changed = self._cuts.forget(line)
        log.info("%s: %s", line, "mended" if changed else "was whole")
        return {"line": line, "state": "whole", "changed": changed}

    def keep_promises(self) -> None:
        """Return power and lines when their time is over, for ever; what fails is tried again."""
        lists = (self._offs, self._cuts)
        while True:
            with self._changed:
                waits = [wait for wait in (one.wait_s() for one in lists) if wait is not None]
                if not waits or min(waits) > 0:
                    self._changed.wait(min(waits, default=None))
            if [one for one in lists if not one.keep()]:
                with self._changed:
                    self._changed.wait(_RETRY_S)

    def _cut_only(self, *names: str) -> None:
        cuts.cut_only(self._machines.line(name) for name in names)


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, controller: Controller) -> None:
        self.controller = controller
        super().__init__(str(SOCKET), _Request)


class _Request(socketserver.StreamRequestHandler):
    timeout = 120
    server: _Server

    def handle(self) -> None:
        try:
            answer = {"ok": True, **self._do(json.loads(self.rfile.readline(65536)))}
        except LabError as error:
            answer = {"ok": False, "found": error.found, "expected": error.expected, "remedy": error.remedy}
        except (ValueError, KeyError, TypeError) as error:
            answer = {"ok": False, "found": f"a request that is not valid: {error!r}", "expected": "", "remedy": ""}
        self.wfile.write(json.dumps(answer).encode() + b"\n")

    def _do(self, request: dict[str, Any]) -> dict[str, Any]:
        match request["op"]:
            case "off":
                return self.server.controller.off(str(request["host"]), float(request["seconds"]))
            case "on":
                return self.server.controller.on(str(request["host"]))
            case "cut":
                return self.server.controller.cut(str(request["line"]), float(request["seconds"]))
            case "mend":
                return self.server.controller.mend(str(request["line"]))
            case "ping":
                return {"pid": os.getpid()}
            case other:
                raise LabError(f"an unknown request {other!r}", "off, on, cut, mend or ping")


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s")
    machines = layout.read(LAYOUT)
    if machines is None:
        log.error("there is no lab: %s does not exist", LAYOUT)
        return 1
    controller = Controller(machines)
    SOCKET.unlink(missing_ok=True)
    with _Server(controller) as server:
        SOCKET.chmod(0o600)
        DAEMON_PID.write_text(str(os.getpid()), encoding="ascii")
        threading.Thread(target=controller.keep_promises, daemon=True).start()
        signal.signal(signal.SIGTERM, _end)
        log.info("serving %d hosts", len(machines.hosts))
        server.serve_forever(poll_interval=60)
    return 0


def _end(_number: int, _frame: FrameType | None) -> None:
    SOCKET.unlink(missing_ok=True)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
