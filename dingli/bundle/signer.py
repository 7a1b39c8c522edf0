"""Who signed a bundle: a key, told by its fingerprint, which reaches whoever installs over another way."""

from __future__ import annotations

import base64
import binascii
import hashlib
import tempfile
from pathlib import Path

from dingli.bundle.layout import NAMESPACE, PRINCIPAL
from dingli.evidence import signing
from dingli.exceptions import InputError

__all__ = ["check", "expected_fingerprint", "fingerprint", "public_of"]

_PREFIX = "SHA256:"
_DIGEST_CHARACTERS = 43


def public_of(text: str) -> str:
    """Type and key of a public key's one line. Raises ValueError if it is none of ed25519."""
    words = text.split()
    if len(text.strip().splitlines()) != 1 or len(words) < 2 or words[0] != "ssh-ed25519":
        raise ValueError("no public key of ed25519")
    return " ".join(words[:2])


def fingerprint(public: str) -> str:
    """As `ssh-keygen -l` shows it. Raises ValueError for what is no key."""
    try:
        blob = base64.b64decode(public.split()[1], validate=True)
    except (binascii.Error, IndexError) as error:
        raise ValueError("no public key") from error
    return _PREFIX + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def expected_fingerprint(given: str) -> str:
    """What `--key` says: a fingerprint, or that of the public key in a file. Raises InputError."""
    if given.startswith(_PREFIX):
        if len(given) != len(_PREFIX) + _DIGEST_CHARACTERS:
            raise InputError(f"the fingerprint {given!r}", f"{_PREFIX} and {_DIGEST_CHARACTERS} characters")
        return given
    try:
        return fingerprint(public_of(Path(given).read_text(encoding="ascii")))
    except (OSError, ValueError) as error:
        found = f"--key {given}: {error.strerror if isinstance(error, OSError) else error}"
        raise InputError(found, "a fingerprint SHA256:…, or a file with a public key of ed25519") from None


def check(public: str, data: bytes, signature: bytes) -> None:
    """Raises SignatureError unless `signature` is that of `public` under `data`."""
    with tempfile.NamedTemporaryFile("w", suffix=".allowed_signers") as file:
        file.write(signing.signer_line(PRINCIPAL, NAMESPACE, public) + "\n")
        file.flush()
        signing.verify(Path(file.name), PRINCIPAL, NAMESPACE, data, signature)
