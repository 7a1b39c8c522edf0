"""One look: ask, and judge."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

from dingli.environment import Environment
from dingli.exceptions import DingliError
from dingli.gate import Finding, State, smoke_order
from dingli.status.ask import Hosts
from dingli.status.judge import judge
from dingli.status.picture import Picture

__all__ = ["look"]


def look(environment: Environment, hosts: Hosts, *, send_order: bool = False) -> Picture:
    """What there is now; a real order goes through every gateway only if it is asked for."""
    began = time.monotonic()
    seen = hosts.look()
    picture = judge(environment, seen, datetime.now(UTC), time.monotonic() - began)
    if not send_order:
        return picture
    try:
        order = smoke_order(environment)
    except DingliError as error:
        order = Finding(State.UNKNOWN, error.found)
    wrong = () if order.state is State.PASSED else (f"smoke order: {order.state.value}: {order.text}",)
    return replace(picture, gate={**picture.gate, "smoke order": order}, problems=(*picture.problems, *wrong))
