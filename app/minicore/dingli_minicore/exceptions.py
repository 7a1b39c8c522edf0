"""What can go wrong in a minimal core."""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "Defect",
    "EtcdError",
    "EtcdRefused",
    "EtcdUnknown",
    "LeadershipLost",
    "MalformedError",
    "MinicoreError",
]


class MinicoreError(Exception):
    """The root of this package's errors."""


class ConfigError(MinicoreError):
    """The configuration file is missing, unreadable or wrong."""


class MalformedError(MinicoreError):
    """Bytes that no encoder would make."""


class Defect(MinicoreError):
    """What cannot happen in a sound cell happened here: the core must be quarantined at `n`."""

    def __init__(self, n: int, reason: str) -> None:
        super().__init__(reason)
        self.n = n
        self.reason = reason


class LeadershipLost(MinicoreError):
    """The leader key is gone or somebody else's; pending work is dropped."""


class EtcdError(MinicoreError):
    """A call to etcd gave no result."""


class EtcdRefused(EtcdError):
    """A definite error: etcd did not do it."""


class EtcdUnknown(EtcdError):
    """No definite answer: etcd may have done it, or may still do it."""
