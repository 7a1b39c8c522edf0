"""The recovery key, which opens exports, and its other halves, which stay in the clone and make them.

Two pairs are made together. The operator gets the private half of the one (X25519: opens) and the public half of the
other (Ed25519: tells who made it). The clone keeps the rest, so that an export after every run needs no secret of the
operator's, and whoever can reach a copy cannot put a forged one in its place.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from dingli.controller.exceptions import ControllerError, NoRecoveryKey, WrongKey
from dingli.environment import Environment, EnvironmentKind, state_dir
from dingli.whole_file import write_private

__all__ = ["Maker", "RecoveryKey", "default_folder", "find_key", "make_key", "maker_of", "read_key"]

_MARK = "dingli-recovery-1"
_KEY_BYTES = 32


@dataclass(frozen=True)
class RecoveryKey:
    """The operator's half."""

    environment: str
    opens: X25519PrivateKey
    signer: Ed25519PublicKey

    @property
    def recipient(self) -> str:
        """Tells keys apart: 16 hexadecimal digits."""
        return fingerprint(self.opens.public_key())

    def text(self) -> str:
        """The file, which can also be printed and typed."""
        secret = base64.urlsafe_b64encode(self.opens.private_bytes_raw() + self.signer.public_bytes_raw()).decode()
        return (
            f"# Recovery key {self.recipient} of {self.environment}: opens every export of its controller.\n"
            "# Keep it away from the controller, from the sites, and from the exports.\n"
            f"{_MARK}:{self.environment}:{secret}\n"
        )


@dataclass(frozen=True)
class Maker:
    """The clone's half: makes exports that only the recovery key opens."""

    seals: X25519PublicKey
    signs: Ed25519PrivateKey

    @property
    def recipient(self) -> str:
        return fingerprint(self.seals)


def fingerprint(public: X25519PublicKey) -> str:
    """16 hexadecimal digits."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def default_folder() -> Path:
    """Outside every clone: `~/.local/share/dingli/recovery`, fit for a lab only."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "dingli" / "recovery"


def make_key(environment: str, to: Path | None = None) -> tuple[RecoveryKey, Path]:
    """Make both pairs and keep our halves in the clone; the key is at the path. Older exports keep their old key."""
    opens, signs = X25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    key = RecoveryKey(environment, opens, signs.public_key())
    file = to or default_folder() / f"{environment}-{key.recipient}.key"
    if file.exists():
        raise ControllerError(f"{file} exists already", "a new file", "choose another name: old exports may need it")
    try:
        write_private(file, key.text())
    except OSError as error:
        raise ControllerError(f"{file} cannot be written: {error.strerror}", remedy="choose another place") from None
    halves = {
        "recipient": opens.public_key().public_bytes_raw().hex(),
        "signs": signs.private_bytes_raw().hex(),
        "made": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    write_private(_maker_file(environment), json.dumps(halves, indent=1) + "\n")
    return key, file


def maker_of(environment: Environment) -> Maker:
    """The clone's half. A lab gets a key on first use; of a production environment a person has to take it away."""
    file = _maker_file(environment.name)
    if not file.exists():
        if environment.kind is not EnvironmentKind.LAB:
            raise NoRecoveryKey(
                f"{environment.name} has no recovery key",
                "one, so that exports can be sealed",
                f"dingli controller key {environment.name} --to FILE, and keep that file elsewhere",
            )
        make_key(environment.name)
    try:
        halves = json.loads(file.read_text())
        seals = X25519PublicKey.from_public_bytes(bytes.fromhex(halves["recipient"]))
        return Maker(seals, Ed25519PrivateKey.from_private_bytes(bytes.fromhex(halves["signs"])))
    except (ValueError, KeyError, TypeError):
        raise ControllerError(
            f"{file} is damaged",
            "the halves of a recovery key",
            f"make a new one: dingli controller key {environment.name}",
        ) from None


def has_maker(environment: str) -> bool:
    """True if a recovery key was made for this clone."""
    return _maker_file(environment).exists()


def read_key(file: Path) -> RecoveryKey:
    """The recovery key in `file`. Raises WrongKey if there is none."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
        _, environment, secret = next(line for line in lines if line.startswith(f"{_MARK}:")).strip().split(":")
        raw = base64.urlsafe_b64decode(secret)
        opens = X25519PrivateKey.from_private_bytes(raw[:_KEY_BYTES])
        return RecoveryKey(environment, opens, Ed25519PublicKey.from_public_bytes(raw[_KEY_BYTES:]))
    except OSError as error:
        raise WrongKey(f"{file}: {error.strerror}", "a recovery key", "name its file: --key FILE") from None
    except (ValueError, StopIteration):
        raise WrongKey(f"{file} holds no recovery key", f"a line that begins with {_MARK}:", "--key FILE") from None


def find_key(recipient: str, given: Path | None) -> RecoveryKey:
    """The key that was given, or else the one for `recipient` in the default folder."""
    if given is not None:
        return read_key(given)
    found = sorted(default_folder().glob(f"*-{recipient}.key"))
    if not found:
        raise WrongKey(
            f"no recovery key {recipient} in {default_folder()}", "the key that opens this export", "--key FILE"
        )
    return read_key(found[0])


def _maker_file(environment: str) -> Path:
    return state_dir(environment) / "secrets" / "export-maker.json"
