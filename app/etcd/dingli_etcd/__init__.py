"""A thin etcd client: deadlines on every call, fail-over between members, unknown outcomes told apart from refusals."""

from dingli_etcd.client import Client, TlsFiles
from dingli_etcd.exceptions import (
    ConfigurationError,
    DefiniteError,
    EtcdError,
    LeaseNotFoundError,
    OutcomeUnknownError,
    WatchBrokenError,
    WatchCancelledError,
    WatchCompactedError,
)

__all__ = [
    "Client",
    "ConfigurationError",
    "DefiniteError",
    "EtcdError",
    "LeaseNotFoundError",
    "OutcomeUnknownError",
    "TlsFiles",
    "WatchBrokenError",
    "WatchCancelledError",
    "WatchCompactedError",
]
