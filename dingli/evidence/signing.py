"""Signatures with ssh-keygen: one format that every auditor's machine can check without us."""

from __future__ import annotations

import base64
import subprocess
import tempfile
from pathlib import Path

from dingli.evidence.exceptions import SignatureError

__all__ = [
    "EVIDENCE_NAMESPACE",
    "WITNESS_NAMESPACE",
    "ensure_key",
    "operator_principal",
    "public_key",
    "sign",
    "signer_line",
    "verify",
    "witness_principal",
]

_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_ARMOUR_WIDTH = 70
EVIDENCE_NAMESPACE = "dingli-evidence"
WITNESS_NAMESPACE = "dingli-witness"


def operator_principal(environment: str) -> str:
    """How allowed_signers names those who may sign evidence of an environment."""
    return f"{environment}-operator"


def witness_principal(environment: str, host: str) -> str:
    """How allowed_signers names a witness."""
    return f"{environment}-witness-{host}"


def ensure_key(file: Path, comment: str) -> Path:
    """An ed25519 key at `file`, mode 0600, made when there is none."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _keygen(["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(file)])
    return file


def public_key(file: Path) -> str:
    """Type and key of the public half, without the comment."""
    return " ".join(_keygen(["-y", "-f", str(file)]).decode().split()[:2])


def signer_line(principal: str, namespace: str, public: str) -> str:
    """A line for an allowed_signers file."""
    return f'{principal} namespaces="{namespace}" {public}'


def sign(key: Path, namespace: str, data: bytes) -> bytes:
    """The armoured signature of `data`."""
    return _keygen(["-Y", "sign", "-q", "-f", str(key), "-n", namespace], data)


def verify(allowed_signers: Path, principal: str, namespace: str, data: bytes, signature: bytes) -> None:
    """Raises SignatureError, with ssh-keygen's reason, unless `signature` is no more than that of `principal`."""
    if signature != _armoured(signature):  # ssh-keygen does not mind what stands around and between
        raise SignatureError("a file with more in it than a signature", "what ssh-keygen wrote", "see docs/evidence.md")
    with tempfile.NamedTemporaryFile(suffix=".sig") as file:
        file.write(signature)
        file.flush()
        who = ["-f", str(allowed_signers), "-I", principal, "-n", namespace, "-s", file.name]
        _keygen(["-Y", "verify", *who], data)


def _armoured(signature: bytes) -> bytes:
    """The same signature as ssh-keygen writes it; empty if there is none."""
    lines = signature.split(b"\n")[1:-2]  # without the armour's first and last line, and the end of the last
    try:
        blob = base64.b64encode(base64.b64decode(b"".join(lines), validate=True))
    except ValueError:
        return b""
    wrapped = [blob[at : at + _ARMOUR_WIDTH] for at in range(0, len(blob), _ARMOUR_WIDTH)]
    return b"\n".join([_BEGIN, *wrapped, _END, b""])


def _keygen(arguments: list[str], data: bytes = b"") -> bytes:
    try:
        done = subprocess.run(["ssh-keygen", *arguments], input=data, capture_output=True, check=False)
    except FileNotFoundError:
        raise SignatureError("no ssh-keygen", "OpenSSH's ssh-keygen on PATH", "install openssh-client") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).decode(errors="replace")
        raise SignatureError(f"ssh-keygen: {said}", "a signature that holds", "see docs/evidence.md")
    return done.stdout
