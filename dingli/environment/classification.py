"""How high the data is that is kept, and where it may be: what infra/policies judges."""

from __future__ import annotations

from enum import StrEnum

from dingli.environment.values import DataLevel, Entry

__all__ = ["UNDECLARED", "Bucket", "DataLevels", "Holding", "Hosting", "Readiness"]

UNDECLARED = 4
"""What counts where nobody has said how high the data is."""


class Hosting(StrEnum):
    """Whose machines a site is made of: our own, or those of an industry's cloud."""

    RACK = "rack"
    INDUSTRY = "industry"


class Readiness(StrEnum):
    """Whether a site's machines exist always, or most of them only while the site is called."""

    WARM = "warm"
    ON_DEMAND = "on_demand"


class Holding(StrEnum):
    """What lies in a bucket; all but `other` is kept there with every version, locked."""

    EVIDENCE = "evidence"
    STATE = "state"
    ARCHIVE = "archive"
    OTHER = "other"


class DataLevels(Entry):
    """How high the data is that a service keeps: 1 (low) to 4 (very high) of JR/T 0158."""

    journal: DataLevel = UNDECLARED
    core: DataLevel = UNDECLARED
    gateway: DataLevel = UNDECLARED
    ops: DataLevel = UNDECLARED


class Bucket(Entry):
    """A bucket of a cloud; one that says nothing counts as the worst."""

    name: str
    holds: Holding = Holding.EVIDENCE
    data_level: DataLevel = UNDECLARED
