"""The commands of the central logs: receive, keep, search, status, ledger, sums.

python3 -I /usr/local/lib/dingli/logs receive|keep|search|status|ledger|sums [CONFIGURATION]
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from dingli_logstore import receive, search
from dingli_logstore.attributes import grows_only
from dingli_logstore.keep import Keeper, free_percent
from dingli_logstore.store import Store

__all__ = ["main", "status", "sums"]

_CONFIGURATION = "/etc/dingli/logserver.json"
_PATIENCE = 10  # niceness of what can wait


def main(arguments: list[str]) -> int:
    """The exit status."""
    verb = arguments[0] if arguments else ""
    settings = json.loads(Path(arguments[1] if len(arguments) > 1 else _CONFIGURATION).read_text(encoding="utf-8"))
    store = Store(Path(settings["root"]))
    if verb == "receive":
        receive.run(settings, store)
        return 0
    os.nice(_PATIENCE)
    if verb == "keep":
        hosts = list(settings["senders"].values())
        keeper(store, settings).run(time.time(), hosts)
    elif verb == "search":
        return search.run(store)
    elif verb == "status":
        print(json.dumps(status(store, settings)))
    elif verb == "ledger":
        sys.stdout.write(store.ledger.read_text(encoding="utf-8") if store.ledger.exists() else "")
    elif verb == "sums":
        print(json.dumps(sums(store)))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


def sums(store: Store) -> dict[str, str]:
    """`{host/day: SHA-256}` of every closed file as it is now."""
    closed = [file for host in store.hosts() for file in store.files(host) if file.closed]
    return {f"{file.host}/{file.day}": hashlib.sha256(file.path.read_bytes()).hexdigest() for file in closed}


def keeper(store: Store, settings: dict[str, Any]) -> Keeper:
    """As configured; alarms go to this host's journal, and so into the logs."""
    return Keeper(
        store,
        settings["keep_days"],
        settings["least_free_percent"],
        alarm=lambda text: print(f"<2>{text}", flush=True),
        free=lambda: free_percent(store.root),
    )


def status(store: Store, settings: dict[str, Any]) -> dict[str, Any]:
    """What is here of each host that may send."""
    hosts: dict[str, Any] = {}
    for host in sorted({*settings["senders"].values(), *store.hosts()}):
        files = store.files(host)
        hosts[host] = {
            "days": len({file.day for file in files}),
            "oldest": files[0].day if files else None,
            "last_arrival": max((file.path.stat().st_mtime for file in files), default=None),
            "bytes": sum(file.path.stat().st_size for file in files),
            "grows_only": sum(grows_only(file.path) for file in files),
            "files": len(files),
        }
    free = round(free_percent(store.root), 1)
    return {"at": time.time(), "keep_days": settings["keep_days"], "free_percent": free, "hosts": hosts}
