"""How long alerts wait. Tests on a lab cannot wait minutes, so an environment may shorten all delays alike."""

from __future__ import annotations

from dingli.environment import Environment

__all__ = ["duration", "facts_interval_s", "scaled_s"]

_FACTS_S = 60
_LEAST_FACTS_SCALE = 0.5
_EMULATED_SLOWER = 5


def scaled_s(environment: Environment, normal_s: float) -> float:
    """The environment's share of a normal delay."""
    return normal_s * environment.monitoring.delay_scale


def duration(seconds: float) -> str:
    """As Prometheus writes it."""
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{round(seconds * 1000)}ms"


def facts_interval_s(environment: Environment, host: str) -> int:
    """How often a host writes its facts (certificates, clock, heads of the evidence); an emulated one is slow at it."""
    every = _FACTS_S * max(environment.monitoring.delay_scale, _LEAST_FACTS_SCALE)
    return round(every * (_EMULATED_SLOWER if environment.hosts[host].emulated else 1))
