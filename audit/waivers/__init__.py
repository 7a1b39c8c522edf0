"""Waivers: a deviation that someone accepted for a time. They stand beside a verdict and never change it."""

from audit.waivers.model import Waiver, load

__all__ = ["Waiver", "load"]
