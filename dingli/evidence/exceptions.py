"""What can go wrong with evidence."""

from __future__ import annotations

from dingli.exceptions import DingliError

__all__ = [
    "EvidenceError",
    "NoKey",
    "RunUnderWay",
    "SecretInEvidence",
    "SignatureError",
    "WitnessError",
    "WitnessUnreachable",
]


class EvidenceError(DingliError):
    """Root of this package's errors."""


class NoKey(EvidenceError):
    """This clone never made, or was given, the key."""


class RunUnderWay(EvidenceError):
    """Another run of the same environment holds the lock."""


class SecretInEvidence(EvidenceError):
    """A registered secret would have been stored, or was."""


class SignatureError(EvidenceError):
    """ssh-keygen could not sign, or a signature does not hold."""


class WitnessError(EvidenceError):
    """A witness refused, or answered something that cannot be believed."""


class WitnessUnreachable(WitnessError):
    """A witness could not be asked."""
