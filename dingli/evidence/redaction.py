"""Secrets that evidence must not contain: whoever reads one registers it, and nothing that holds it is stored.

Searched for are the value itself and its base64, JSON and URL forms. What is compressed or encrypted is not searched.
"""

from __future__ import annotations

import base64
import json
import urllib.parse

from dingli.evidence.exceptions import EvidenceError, SecretInEvidence

__all__ = ["contains_secret", "register_secret", "require_no_secret"]

_SHORTEST = 6
_forms: set[bytes] = set()


def register_secret(value: str | bytes) -> None:
    """From now on, in this process, no evidence may contain `value`."""
    raw = value.encode() if isinstance(value, str) else value
    if len(raw.strip()) < _SHORTEST:
        raise EvidenceError(f"a secret of {len(raw)} bytes", f"at least {_SHORTEST}: shorter ones are found everywhere")
    text = raw.decode(errors="replace")
    _forms.update(
        {raw, base64.b64encode(raw), json.dumps(text)[1:-1].encode(), urllib.parse.quote(text, safe="").encode()}
    )


def contains_secret(data: bytes) -> bool:
    """True if a registered secret is in `data`."""
    return any(form in data for form in _forms)


def require_no_secret(what: str, data: bytes) -> None:
    """Raises SecretInEvidence, which names `what` and not the secret."""
    if contains_secret(data):
        raise SecretInEvidence(
            f"{what} contains a registered secret; it was not stored",
            "evidence without secrets",
            "leave the secret out where this output is made",
        )
