"""One real order through every gateway of every cell, from the operations site."""

from __future__ import annotations

import json
import shlex

from dingli.cell import CellError, remote
from dingli.environment import Environment
from dingli.gate.check import Finding, State

__all__ = ["orders_through", "smoke_order"]


def smoke_order(environment: Environment) -> Finding:
    """Passed if each gateway acknowledges an order that cannot trade; unknown without an operations site."""
    hosts = [name for name in environment.hosts if not environment.site_of(name).trading]
    if not hosts:
        return Finding(State.UNKNOWN, "no host on an operations site to send an order from")
    texts = []
    for cell in environment.cells:
        answers = orders_through(environment, hosts[0], cell)
        if silent := [gateway for gateway, took_ms in answers.items() if took_ms is None]:
            return Finding(State.FAILED, f"{cell}: no acknowledgement through {', '.join(silent)}")
        texts.append(f"{cell}: " + ", ".join(f"{gateway} {took_ms:.0f} ms" for gateway, took_ms in answers.items()))
    return Finding(State.PASSED, "; ".join(texts))


def orders_through(environment: Environment, host: str, cell: str) -> dict[str, float | None]:
    """By gateway that `host`, one of operations, knows of: milliseconds until an order was acknowledged, or None."""
    command = shlex.join(["/usr/local/bin/dingli-load", "smoke", "--config", f"/etc/dingli/load-{cell}.json"])
    output = remote.run(environment, host, f"-u dingli-load {command}", timeout_s=60, check=False).stdout
    try:
        answers: dict[str, float | None] = json.loads(output)
    except ValueError as error:
        raise CellError(f"{host}: {command}: {output[:200]!r}", "one JSON object") from error
    return answers
