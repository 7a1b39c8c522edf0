"""Prometheus text on the metrics address."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable

from dingli_minicore.core import Core, Role

__all__ = ["render", "serve_metrics"]


def render(core: Core) -> str:
    """The core's metrics."""
    machine = core.replica.machine
    disagreements, halted, clock_wrong = core.concerns
    values = {
        "dingli_core_head": machine.head,
        "dingli_core_lag_seconds": core.replica.lag_ms(time.time_ns()) / 1000,
        "dingli_core_leading": int(core.role == Role.LEADER),
        "dingli_core_quarantined": int(core.role == Role.QUARANTINED),
        "dingli_core_halted": halted,
        "dingli_core_hash_disagreements": disagreements,
        "dingli_core_clock_trusted": 1 - clock_wrong,
        "dingli_core_epoch": machine.epoch,
        "dingli_core_entries_behind": core.replica.behind,
        "dingli_core_commands_total": machine.commands,
        "dingli_core_entries_applied_total": machine.head,
        "dingli_core_replay_commands_per_second": core.replica.per_s,
        "dingli_core_links": len(core.links.links),
        "dingli_core_unreadable_keys": core.view.unreadable,
        "dingli_core_sessions": len(machine.sessions),
    }
    who = f'cell="{core.config.cell}",core="{core.config.core_id}",kind="minimal"'
    lines = [f"{name}{{{who}}} {value}" for name, value in values.items()]
    lines += [f'dingli_core_role{{{who},role="{role}"}} {int(core.role == role)}' for role in Role]
    return "\n".join(lines) + "\n"


def serve_metrics(address: tuple[str, int], text: Callable[[], str]) -> None:
    """Serve `text()` at every path, from a thread."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
