"""One order through every gateway: `python -m loadtests.smoke --config FILE`.

Prints {gateway: milliseconds from logon to acknowledgement, or null}; exit status 1 if a gateway gave none. The
orders cannot trade.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from loadtests.config import Gateway, LoadConfig
from loadtests.recorder import Recorder
from loadtests.session import FixSession, Member, State

TIMEOUT_S = 15.0


def order_through(config: LoadConfig, gateway: Gateway, name: str) -> float | None:
    """Logs on, buys at the lowest price, immediate or cancel, and logs out."""
    acknowledged = threading.Event()
    began = time.monotonic()
    member = Member(name, config.passwords[name], config.cell)

    def answered(tags: dict[int, str]) -> None:
        if tags.get(150) == "0":
            acknowledged.set()

    session = FixSession(member, [gateway], config.tls(), Recorder(None), answered)
    session.start()
    try:
        if not session.wait_for(lambda: session.state is State.UP, TIMEOUT_S):
            return None
        session.send("D", config.order_that_cannot_trade(f"SMOKE-{time.time_ns() // 1_000_000 % 10**12:x}"))
        return (time.monotonic() - began) * 1000 if acknowledged.wait(TIMEOUT_S) else None
    finally:
        session.stop()


def main() -> None:
    """Every gateway at once."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split(":")[0])
    parser.add_argument("--config", type=Path, required=True, help="/etc/dingli/load-CELL.json")
    config = LoadConfig.read(parser.parse_args().config)
    pairs = list(zip(config.gateways, config.smokes(), strict=False))
    with ThreadPoolExecutor(len(pairs)) as pool:
        took = list(pool.map(lambda pair: order_through(config, *pair), pairs))
    print(json.dumps({gateway.name: value for (gateway, _), value in zip(pairs, took, strict=True)}))
    raise SystemExit(1 if None in took else 0)


if __name__ == "__main__":
    main()
