"""What can go wrong between the controller and a host."""

from dingli.exceptions import DingliError

__all__ = ["AuthenticationRefused", "CommandFailed", "HostKeyRefused", "SshError", "Unreachable"]


class SshError(DingliError):
    """Base of everything this package raises."""


class Unreachable(SshError):
    """No SSH server answered."""


class HostKeyRefused(SshError):
    """The server has another host key than the one expected. `found_key` is its fingerprint."""

    def __init__(self, name: str, found_key: str, expected_key: str) -> None:
        super().__init__(
            f"{name}: the host key {found_key}",
            expected_key,
            "if the machine was replaced on purpose, declare its new key; if not, find out who answers at its address",
        )
        self.found_key = found_key


class AuthenticationRefused(SshError):
    """The server does not take this key."""


class CommandFailed(SshError):
    """A command on a host ended with a status other than 0, or not in time."""
