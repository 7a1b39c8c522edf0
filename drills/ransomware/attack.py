"""The attack: everything that ordinary credentials can do to an object, and everything that they must not."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from typing import Any

from dingli.archive import Bucket
from drills.ransomware import attempts
from drills.ransomware.additions import Added, Additions
from drills.ransomware.attempts import Act, Tally
from drills.ransomware.ledger import Row

__all__ = ["Attack", "locked", "mark", "overwrite", "version_acts"]

_LETTERS = (b"Your files are encrypted.\n", b"Pay.\n")
_OWN_LOCK = timedelta(minutes=1)
_LEAST_LOCK = timedelta(minutes=5)
_AT_ONCE = 8


def locked(body: bytes, until: datetime) -> dict[str, Any]:
    """What to write, with a lock; the service wants a sum then."""
    md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    return {"Body": body, "ContentMD5": md5, "ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until}


def overwrite(bucket: Bucket, key: str, body: bytes, tally: Tally, additions: Additions, locks_by_itself: bool) -> None:
    """A newer version. Where the bucket locks whatever is new, with a lock of its own that is soon over."""
    until = (datetime.now(UTC) + _OWN_LOCK).replace(microsecond=0)
    words: Any = locked(body, until) if locks_by_itself else {"Body": body}

    def put() -> None:
        said = bucket.client.put_object(Bucket=bucket.name, Key=key, **words)
        additions.note(Added(key, said["VersionId"], locked_until=until.isoformat() if locks_by_itself else ""))

    with bucket.as_our_errors():
        tally.tries(Act(attempts.OVERWRITE, put))


def mark(bucket: Bucket, key: str, tally: Tally, additions: Additions) -> Added | None:
    """An ordinary deletion, which hides the object."""
    made: list[Added] = []

    def delete() -> None:
        said = bucket.client.delete_object(Bucket=bucket.name, Key=key)
        made.append(Added(key, said["VersionId"], mark=True))
        additions.note(made[0])

    with bucket.as_our_errors():
        tally.tries(Act(attempts.MARK, delete))
    return made[0] if made else None


def version_acts(bucket: Bucket, key: str, version: str, until: datetime) -> list[Act]:
    """On a version that is locked until then: nothing of this may be done."""
    client: Any = bucket.client
    place = {"Bucket": bucket.name, "Key": key, "VersionId": version}
    soon = (datetime.now(UTC) + _OWN_LOCK).replace(microsecond=0)
    bulk = {"Objects": [{"Key": key, "VersionId": version}]}

    def lock(mode: str, at: datetime) -> Any:
        wanted = {"Mode": mode, "RetainUntilDate": at}
        return client.put_object_retention(**place, Retention=wanted, BypassGovernanceRetention=True)

    return [
        Act(attempts.SHORTEN, lambda: lock("COMPLIANCE", soon)),
        Act(attempts.WEAKEN, lambda: lock("GOVERNANCE", until)),
        Act(attempts.DELETE, lambda: client.delete_object(**place)),
        Act(attempts.BYPASS, lambda: client.delete_object(**place, BypassGovernanceRetention=True)),
        Act(attempts.BULK, lambda: client.delete_objects(Bucket=bucket.name, Delete=bulk)),
    ]


class Attack:
    """On many objects at once. It ends at the first thing that the storage lets through against its word."""

    def __init__(self, bucket: Bucket, additions: Additions, *, locks_by_itself: bool, overwrites: bool) -> None:
        self.tally = Tally()
        self.objects = 0
        """That were struck."""
        self.spared: list[str] = []
        """Versions whose lock would have been over too soon."""
        self._bucket = bucket
        self._additions = additions
        self._locks_by_itself = locks_by_itself
        self._overwrites = overwrites
        self._over = threading.Event()

    def run(self, rows: Iterable[Row]) -> None:
        by_key: dict[str, list[Row]] = {}
        for row in rows:
            by_key.setdefault(row.key, []).append(row)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            going = [pool.submit(self._strike, key, versions) for key, versions in by_key.items()]
            try:
                for one in as_completed(going):
                    self.objects += one.result()
            except BaseException:
                self._over.set()
                raise

    def _strike(self, key: str, versions: list[Row]) -> bool:
        if self._over.is_set():
            return False
        if self._overwrites:
            for letter in _LETTERS:
                overwrite(self._bucket, key, letter, self.tally, self._additions, self._locks_by_itself)
            mark(self._bucket, key, self.tally, self._additions)
        for row in versions:
            self._try(row)
        return True

    def _try(self, row: Row) -> None:
        for act in version_acts(self._bucket, row.key, row.version, row.lock_ends):
            if self._over.is_set():
                return
            if row.lock_ends < datetime.now(UTC) + _LEAST_LOCK:
                self.spared.append(f"{row.key}: version {row.version}")
                return
            with self._bucket.as_our_errors():
                if self.tally.tries(act):
                    self._over.set()
                    if act.what in (attempts.SHORTEN, attempts.WEAKEN):
                        self._lock_again(row)

    def _lock_again(self, row: Row) -> None:
        """A lock may always be made longer."""
        lock: Any = {"Mode": "COMPLIANCE", "RetainUntilDate": row.lock_ends}
        again = Act(
            "lock it again",
            lambda: self._bucket.client.put_object_retention(
                Bucket=self._bucket.name, Key=row.key, VersionId=row.version, Retention=lock
            ),
        )
        self.tally.tries(again)
