"""Passwords that the controller makes once and keeps; hosts get files, and of members' passwords only hashes."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dingli.pki.exceptions import PkiError
from dingli.whole_file import write_private

__all__ = ["PasswordStore"]

# 16 MiB and about 50 ms a logon on one core: a stolen file of hashes is of little use, a logon storm still passes.
_SCRYPT = {"n": 16384, "r": 8, "p": 1}


@dataclass(frozen=True)
class PasswordStore:
    """The passwords below `.dingli/<environment>/secrets`, mode 0600. Safe to use from several processes."""

    folder: Path

    def password(self, name: str) -> str:
        """The password called `name` (such as `minicore-alpha`), made if there is none."""
        path = self.folder / f"{name}.password"
        with self._locked():
            if not path.exists():
                write_private(path, secrets.token_urlsafe(32))
            return path.read_text().strip()

    def members(self, sessions: Iterable[str]) -> dict[str, str]:
        """Passwords of members' sessions; new ones are made for sessions that have none, others stay as they are."""
        with self._locked():
            return self._members(sessions)

    def member_hashes(self, sessions: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What gateways get: session → {salt, n, r, p, hash}, salt and hash in hex. The same hashes every time."""
        path = self.folder / "member-hashes.json"
        with self._locked():
            passwords = self._members(sessions)
            known = _read(path)
            hashes = {session: _fresh(known.get(session), password) for session, password in passwords.items()}
            if any(known.get(session) != value for session, value in hashes.items()):
                write_private(path, _text({**known, **hashes}))
            return hashes

    def digest(self, text: str) -> str:
        """A sum of a secret that tells a change and nothing else: keyed, with a key that stays in this folder."""
        path = self.folder / "digest.key"
        with self._locked():
            if not path.exists():
                write_private(path, secrets.token_hex(32))
            key = bytes.fromhex(path.read_text().strip())
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def _members(self, sessions: Iterable[str]) -> dict[str, str]:
        path = self.folder / "members.json"
        known = _read(path)
        wanted = sorted(set(sessions))
        missing = {session: secrets.token_urlsafe(18) for session in wanted if session not in known}
        if missing:
            write_private(path, _text({**known, **missing}))
        return {session: {**known, **missing}[session] for session in wanted}

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Several plays may ask for the same password at once; one makes it, the others read it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _fresh(known: dict[str, Any] | None, password: str) -> dict[str, Any]:
    """The known hash if it is this password's, else a new one."""
    if known and known["hash"] == _hash(password, bytes.fromhex(known["salt"])):
        return known
    salt = secrets.token_bytes(16)
    return {"salt": salt.hex(), **_SCRYPT, "hash": _hash(password, salt)}


def _hash(password: str, salt: bytes) -> str:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_SCRYPT).hex()


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise PkiError(
            f"{path} is not JSON: {error}", remedy="restore it, or remove it to have new passwords made"
        ) from error
    if not isinstance(content, dict):
        raise PkiError(f"{path} holds a {type(content).__name__}", expected="a mapping of sessions")
    return content


def _text(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"
