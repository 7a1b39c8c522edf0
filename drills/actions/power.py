"""Sites lose and regain power."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dingli.power import driver_of, power_on
from drills.settings import Settings

__all__ = ["give_power_back", "site_loses_power"]


def site_loses_power(configuration: dict[str, Any]) -> dict[str, Any]:
    """Cuts the power of all hosts of the site at once, when for each of them it is sure that it will return.

    Returns `t0_ns`, the moment (wall clock) just before the first cut was asked for, from which RTO counts, and in
    `remarks` what was less than a loss of power.
    """
    settings = Settings.confirmed(configuration)
    drivers = [driver_of(settings.environment, host) for host in settings.hosts]
    with ThreadPoolExecutor(len(drivers)) as pool:
        list(pool.map(lambda driver: driver.promise(settings.off_s), drivers))
        t0_ns = time.time_ns()
        remarks = [remark for remark in pool.map(lambda driver: driver.cut(), drivers) if remark]
    return {"t0_ns": t0_ns, "done_ns": time.time_ns(), "hosts": settings.hosts, "remarks": remarks}


def give_power_back(configuration: dict[str, Any]) -> dict[str, Any]:
    """Switches every host of the site on; what is on stays on, so that this serves as rollback too."""
    settings = Settings.of(configuration)
    with ThreadPoolExecutor(len(settings.hosts)) as pool:
        list(pool.map(lambda host: power_on(settings.environment, host), settings.hosts))
    return {"at_ns": time.time_ns(), "hosts": settings.hosts}
