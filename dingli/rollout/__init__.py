"""Bringing a change to hosts that are in service: some first, the others after those are seen to be well."""

from dingli.rollout.plan import Changing, canaries, waves
from dingli.rollout.stage import Stage

__all__ = ["Changing", "Stage", "canaries", "waves"]
