"""Members' passwords: scrypt records in a file, verified off the event loop, repeated failures slowed down."""

import asyncio
import hashlib
import hmac
import json
import os
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from dingli_gateway.exceptions import ConfigError

__all__ = ["Passwords", "ScryptRecord", "load_members", "new_record"]

_FORGET_AFTER_S = 300.0
_LONGEST_DELAY_S = 8.0
_FREE_FAILURES = 2
_REMEMBERED = 10_000


@dataclass(frozen=True)
class ScryptRecord:
    """One member's password; salt and hash are hexadecimal in the file."""

    salt: bytes
    n: int
    r: int
    p: int
    hash: bytes

    def matches(self, password: bytes) -> bool:
        """Whether this is the password, in time that does not depend on the answer."""
        found = _scrypt(password, self.salt, self.n, self.r, self.p, len(self.hash))
        return hmac.compare_digest(found, self.hash)


def _scrypt(password: bytes, salt: bytes, n: int, r: int, p: int, length: int) -> bytes:
    return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=256 * n * r * p + (1 << 20), dklen=length)


def new_record(password: str, n: int = 16384, r: int = 8, p: int = 1) -> dict[str, str | int]:
    """A record for the members file."""
    salt = os.urandom(16)
    digest = _scrypt(password.encode(), salt, n, r, p, 32)
    return {"salt": salt.hex(), "n": n, "r": r, "p": p, "hash": digest.hex()}


def load_members(path: Path) -> dict[bytes, ScryptRecord]:
    """{session: record}; raises ConfigError without naming any value."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {
            session.encode("ascii"): ScryptRecord(
                bytes.fromhex(one["salt"]), int(one["n"]), int(one["r"]), int(one["p"]), bytes.fromhex(one["hash"])
            )
            for session, one in raw.items()
        }
    except OSError as error:
        raise ConfigError(f"{path}: the members file cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        expected = '{session: {"salt": hex, "n": int, "r": int, "p": int, "hash": hex}}'
        raise ConfigError(f"{path}: not a members file ({type(error).__name__}), expected {expected}") from error


class Passwords:
    """Verifies passwords; each repeated failure of one address and session makes the next attempt wait longer."""

    def __init__(self, members_file: Path) -> None:
        self._file = members_file
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="password")
        self._failures: OrderedDict[tuple[str, bytes], tuple[int, float]] = OrderedDict()
        self._nobody = ScryptRecord(os.urandom(16), 16384, 8, 1, os.urandom(32))

    async def verify(self, peer: str, session: bytes, password: bytes) -> bool:
        """Whether the password is this session's. The file is read anew, so that a changed one counts at once."""
        key = (peer, session)
        await asyncio.sleep(self._delay_s(key))
        loop = asyncio.get_running_loop()
        right = await loop.run_in_executor(self._executor, self._check, session, password)
        if right:
            self._failures.pop(key, None)
        else:
            self._failures[key] = (self._count(key) + 1, time.monotonic())
            self._failures.move_to_end(key)
            if len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)
        return right

    def _check(self, session: bytes, password: bytes) -> bool:
        # An unknown session costs the same time as a wrong password.
        record = load_members(self._file).get(session)
        return (record or self._nobody).matches(password) and record is not None

    def _count(self, key: tuple[str, bytes]) -> int:
        count, last = self._failures.get(key, (0, 0.0))
        return count if time.monotonic() - last < _FORGET_AFTER_S else 0

    def _delay_s(self, key: tuple[str, bytes]) -> float:
        excess = self._count(key) - _FREE_FAILURES
        return 0.0 if excess < 0 else min(0.5 * 2.0**excess, _LONGEST_DELAY_S)
