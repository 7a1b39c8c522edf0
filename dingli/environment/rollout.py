"""How a change reaches hosts that are in service."""

from __future__ import annotations

from dingli.environment.values import Entry, Positive, Share

__all__ = ["Rollout"]


class Rollout(Entry):
    """How a change reaches hosts that are in service."""

    ratio: Share = 0.5
    """Of a site's hosts of one role and architecture, the share that is changed at once after the canary."""
    health_s: Positive = 90
    """How long a canary has to be well again, and to stay so for a few seconds."""
