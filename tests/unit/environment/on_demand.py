"""The base with a far site on demand: c is there always, d with a core and a gateway while it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dingli.environment import Environment, load
from tests.unit.environment.test_mistakes import base, change, written

__all__ = ["data", "environment"]


def data(**changes: Any) -> dict[str, Any]:
    """The base with that, and with changes at dotted paths (`__` for a dot)."""
    found = base() | {"owner": "trading", "data_levels": dict.fromkeys(("journal", "core", "gateway"), 2)}
    far = {"hosting": "industry", "readiness": "on_demand", "cloud": {"region": "cn-north-1"}}
    wanted: dict[str, Any] = {f"sites.far.{key}": value for key, value in far.items()} | {
        "hosts.c": {"site": "far", "address": "10.3.0.11", "arch": "x86_64", "os": "debian-13"},
        "hosts.d": {"site": "far", "address": "10.3.0.12", "arch": "x86_64", "os": "debian-13"},
        "cells.metals.cores.2.host": "d",
        "cells.metals.gateways": ["a", "d", "b"],
        "logs": {"host": "o"},
    }
    for path, value in {**wanted, **{key.replace("__", "."): one for key, one in changes.items()}}.items():
        change(found, path, value)
    found.pop("state")
    return found


def environment(folder: Path, **changes: Any) -> Environment:
    """Loaded: as it stands while nobody has called the site."""
    return load(written(data(**changes), folder))
