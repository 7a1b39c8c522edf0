"""What a run leaves behind for others to check: sums, signatures, a chain, and witnesses at other sites."""

from dingli.evidence.exceptions import EvidenceError, RunUnderWay, SecretInEvidence
from dingli.evidence.manifest import Result
from dingli.evidence.redaction import contains_secret, register_secret
from dingli.evidence.run import Run, run
from dingli.evidence.store import Store

__all__ = [
    "EvidenceError",
    "Result",
    "Run",
    "RunUnderWay",
    "SecretInEvidence",
    "Store",
    "contains_secret",
    "register_secret",
    "run",
]
