"""Dingli: a trading system on three sites, its drills and its audit."""

__version__ = "0.1.0"
