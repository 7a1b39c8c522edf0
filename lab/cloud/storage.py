"""moto's S3, with its locks as S3 has them: one in COMPLIANCE mode only ever becomes longer, and a bucket that locks
keeps its versions. moto lets both go.
"""

from __future__ import annotations

from datetime import UTC, datetime

from moto.s3.exceptions import AccessDeniedByLock, InvalidBucketState, MalformedXML
from moto.s3.models import S3Backend, s3_backends

__all__ = ["LockingStorage", "install"]

_LOCKED = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."


class LockingStorage(S3Backend):
    """One account's buckets."""

    __module__ = S3Backend.__module__  # by which moto finds the addresses that a backend answers to

    def put_object_retention(
        self, bucket_name: str, key_name: str, version_id: str | None, retention: tuple[str | None, str | None]
    ) -> None:
        key = self.get_object(bucket_name, key_name, version_id=version_id)
        mode, until = retention
        if key is not None and key.lock_mode == "COMPLIANCE" and key.is_locked(governance_bypass=False):
            longer = until is not None and _moment(until) >= _moment(str(key.lock_until))
            if mode != "COMPLIANCE" or not longer:
                raise AccessDeniedByLock
        super().put_object_retention(bucket_name, key_name, version_id, retention)

    def put_bucket_versioning(self, bucket_name: str, status: str) -> None:
        if self.get_bucket(bucket_name).object_lock_enabled and status != "Enabled":
            raise InvalidBucketState(_LOCKED)
        super().put_bucket_versioning(bucket_name, status)

    def put_object_lock_configuration(
        self,
        bucket_name: str,
        lock_enabled: bool,
        mode: str | None = None,
        days: int | None = None,
        years: int | None = None,
    ) -> None:
        """There is no word for switching it off; what is locked from now on may change at any time."""
        if not lock_enabled:
            raise MalformedXML
        bucket = self.get_bucket(bucket_name)
        if not bucket.object_lock_enabled:
            super().put_object_lock_configuration(bucket_name, lock_enabled, mode, days, years)
            return
        bucket.default_lock_mode, bucket.default_lock_days, bucket.default_lock_years = mode, days, years


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def install() -> None:
    """Puts it in moto's place in this process."""
    s3_backends.backend = LockingStorage
