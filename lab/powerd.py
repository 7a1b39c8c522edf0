"""The power controller: a small daemon that cuts and returns power, and keeps every power-off's end.

Requests and answers are one line of JSON each, over a Unix socket: {"op": "off", "host": NAME, "seconds": N},
{"op": "on", "host": NAME}, {"op": "ping"}; {"ok": true, …} or {"ok": false, "found": …, "remedy": …}.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socketserver
import sys
import threading
from types import FrameType
from typing import Any

from lab import layout, power, switch
from lab.exceptions import LabError
from lab.places import DAEMON_PID, LAYOUT, POWER, SOCKET

_RETRY_S = 5.0

log = logging.getLogger("lab.powerd")


class Controller:
    """Owns the list of power-offs; everything that changes it goes through here."""

    def __init__(self, machines: layout.Layout) -> None:
        self._machines = machines
        self._changed = threading.Condition()
        self._offs = power.load(POWER)
        self._boot_id = power.boot_id()

    def off(self, host: str, seconds: float) -> dict[str, Any]:
        machine = self._machines.host(host)
        until = power.now_s() + power.duration_s(f"{seconds:g}")
        self._note(power.PowerOff(host, until, self._boot_id))
        switch.cut(machine)
        log.info("%s: off for %g s", host, seconds)
        return {"host": host, "power": "off", "seconds": seconds}

    def on(self, host: str) -> dict[str, Any]:
        changed = switch.restore(self._machines.host(host))
        self._forget(host)
        log.info("%s: %s", host, "on" if changed else "was on")
        return {"host": host, "power": "on", "changed": changed}

    def keep_promises(self) -> None:
        """Return power when a power-off ends, for ever; what fails is tried again."""
        while True:
            with self._changed:
                wait = power.next_wake_s(self._offs, power.now_s(), self._boot_id)
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                hosts = power.due(self._offs, power.now_s(), self._boot_id)
            failed = [host for host in hosts if not self._end(host)]
            if failed:
                with self._changed:
                    self._changed.wait(_RETRY_S)

    def _end(self, host: str) -> bool:
        try:
            self.on(host)
        except LabError as error:
            log.error("%s: power cannot return: %s", host, error)
            return False
        return True

    def _note(self, entry: power.PowerOff) -> None:
        with self._changed:
            self._offs[entry.host] = entry
            power.save(POWER, self._offs)
            self._changed.notify_all()

    def _forget(self, host: str) -> None:
        with self._changed:
            self._offs.pop(host, None)
            power.save(POWER, self._offs)
            self._changed.notify_all()


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
            case "ping":
                return {"pid": os.getpid()}
            case other:
                raise LabError(f"an unknown request {other!r}", "off, on or ping")


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
