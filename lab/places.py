"""Where the lab keeps things on this machine. There is one lab per machine, so these are constants."""

from __future__ import annotations

import os
from pathlib import Path

STATE = Path("/var/lib/dingli-lab")
"""Survives `down`: keys, identities, storage. `reset` removes it."""

RUN = Path("/run/dingli-lab")
"""Gone after `down`: sockets, locks, the pinned mount namespace."""

OWNER = STATE / "owner.json"
LAYOUT = STATE / "layout.json"
POWER = STATE / "power.json"
CUTS = STATE / "cuts.json"
HANDOVER = STATE / "handover.yaml"
ROOT_KEY = STATE / "root_key"
IDENTITIES = STATE / "hosts"
STORAGE = STATE / "storage"
LOGS = STATE / "log"
CLOUD = STATE / "cloud"

LOCK = Path("/run/dingli-lab.lock")
"""Outside of RUN, because an operation that holds it removes RUN."""

HOST_LOCKS = RUN / "hosts"
SOCKET = RUN / "power.sock"
DAEMON_PID = RUN / "powerd.pid"
CLOUD_PID = RUN / "cloud.pid"
PINNED = RUN / "pinned"
MOUNT_NAMESPACE = PINNED / "mnt"


def image_cache() -> Path:
    """Built images, shared by all clones of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dingli" / "images"
