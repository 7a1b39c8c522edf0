"""What this package raises."""

__all__ = [
    "ConfigurationError",
    "CoreError",
    "DecodingError",
    "LeadershipLostError",
    "OrderOfEntriesError",
    "QuarantineError",
]


class CoreError(Exception):
    """Base of everything that this package raises."""


class ConfigurationError(CoreError):
    """The configuration file cannot be used; names the file and every mistake."""


class DecodingError(CoreError):
    """Bytes that no encoder of the protocol would make."""


class OrderOfEntriesError(CoreError):
    """An entry that cannot follow the one before it."""


class LeadershipLostError(CoreError):
    """The leader key is not ours any more: pending work is dropped, nothing is answered."""


class QuarantineError(CoreError):
    """This core must stop at entry n, and stay stopped until an operator says otherwise."""

    def __init__(self, n: int, reason: str) -> None:
        super().__init__(f"quarantined at entry {n}: {reason}")
        self.n = n
        self.reason = reason
