"""Sites on demand: which of their machines are there now.

A site that is on demand keeps the hosts of its journal members. Its other hosts, and the cores and gateways on them,
are declared and not there until the site is called; which sites are called is kept beside the environment's state.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from dingli.environment.model import Cell, Environment
from dingli.environment.places import state_dir

__all__ = ["CALLED", "CALLED_FILE", "called_sites", "record_call", "standing"]

CALLED = "DINGLI_CALLED"
"""The environment variable that counts in place of the record: a preview's."""
CALLED_FILE = "called"


def called_sites(name: str) -> tuple[str, ...]:
    """The sites of an environment that are called now."""
    if CALLED in os.environ:
        return tuple(os.environ[CALLED].split())
    file = state_dir(name) / CALLED_FILE
    return tuple(file.read_text(encoding="utf-8").split()) if file.is_file() else ()


def record_call(name: str, sites: Sequence[str]) -> None:
    """From now on these are called, and no others."""
    file = state_dir(name) / CALLED_FILE
    if sites:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(sites) + "\n", encoding="utf-8")
    else:
        file.unlink(missing_ok=True)


def standing(environment: Environment, called: Collection[str]) -> Environment:
    """The environment without what is not there while only these sites are called."""
    declared = environment.declared
    away = {host.name for host in declared.hosts.values() if host.site not in called and declared.on_call(host.name)}
    if not away:
        return declared
    hosts = {name: host for name, host in declared.hosts.items() if name not in away}
    cells = {name: _without(cell, away) for name, cell in declared.cells.items()}
    return declared.model_copy(update={"hosts": hosts, "cells": cells, "whole": declared})


def _without(cell: Cell, away: Collection[str]) -> Cell:
    cores = tuple(core for core in cell.cores if core.host not in away)
    gateways = tuple(host for host in cell.gateways if host not in away)
    running = len([host for host in cell.running_gateways if host not in away])
    return cell.model_copy(update={"cores": cores, "gateways": gateways, "gateways_running": running})
