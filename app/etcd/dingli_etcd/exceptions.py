"""What can go wrong when etcd is asked: an outcome that is unknown, and answers that are definite."""

__all__ = [
    "ConfigurationError",
    "DefiniteError",
    "EtcdError",
    "LeaseNotFoundError",
    "OutcomeUnknownError",
    "WatchBrokenError",
    "WatchCancelledError",
    "WatchCompactedError",
]


class EtcdError(Exception):
    """Base of everything that this package raises."""


class ConfigurationError(EtcdError):
    """The endpoints or the certificate files cannot be used."""


class OutcomeUnknownError(EtcdError):
    """No definite answer arrived: what was asked may have been done, may not have been, or may still be done.

    A time-out, `Unavailable` and a broken connection are all of this kind. Absence in a later read proves nothing.
    """


class DefiniteError(EtcdError):
    """etcd answered that it did not do what was asked. `code` is the gRPC status name, `details` etcd's own words."""

    def __init__(self, operation: str, code: str, details: str) -> None:
        super().__init__(f"{operation}: etcd refused with {code}: {details}")
        self.code = code
        self.details = details


class LeaseNotFoundError(DefiniteError):
    """The lease has expired or was revoked."""


class WatchBrokenError(EtcdError):
    """The watch's stream ended: read a range, then watch from that response's revision + 1."""


class WatchCancelledError(WatchBrokenError):
    """The server cancelled the watch."""


class WatchCompactedError(WatchBrokenError):
    """The revision asked for is compacted away."""

    def __init__(self, compact_revision: int) -> None:
        super().__init__(
            f"the watch's start revision is compacted; the oldest that can be watched is {compact_revision}"
        )
