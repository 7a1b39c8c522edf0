"""What is tried on the archive is tried first on an object and a bucket that the drill has made itself.

If the storage does not keep its word there, the drill ends: nothing else was touched.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from dingli.archive import Bucket, Version
from dingli.environment import Archive
from drills.exceptions import StepFailed
from drills.ransomware.additions import Added, Additions
from drills.ransomware.attack import locked, mark, overwrite, version_acts
from drills.ransomware.attempts import BUCKET_PROMISED, Act, Tally
from drills.ransomware.rules import acts_on_canary
from drills.ransomware.settings import FOLDER, Settings

__all__ = ["CANARY_BUCKET", "forget_bucket", "try_bucket", "try_object"]

CANARY_BUCKET = "canary-bucket"
"""The file that names the bucket, for as long as there is one."""
_KEY = "canary"
_LOCKED_FOR = timedelta(days=1)


def try_object(bucket: Bucket, settings: Settings, additions: Additions, locks_by_itself: bool) -> dict[str, Any]:
    """Everything on one locked object: what came of it, whether it is whole, and whether marks can be removed."""
    key, body = f"{settings.prefix}{FOLDER}/{settings.run_id}/{_KEY}", f"canary of {settings.run_id}\n".encode()
    until = (datetime.now(UTC) + _LOCKED_FOR).replace(microsecond=0)
    with bucket.as_our_errors():
        said = bucket.client.put_object(Bucket=bucket.name, Key=key, **locked(body, until))
    version = Version(key, said.get("VersionId", ""), len(body))
    tally = Tally()
    overwrite(bucket, key, b"canary", tally, additions, locks_by_itself)
    hidden = mark(bucket, key, tally, additions)
    removable = hidden is None or _removed(bucket, hidden)
    with bucket.as_our_errors():
        for act in version_acts(bucket, key, version.id, until):
            if tally.tries(act):
                break
    return {
        "key": key,
        "version": version.id,
        "locked_until": until.isoformat(),
        "tried": tally.as_data(),
        "whole": _is_whole(bucket, version, body, until),
        "marks_can_be_removed": removable,
    }


def _removed(bucket: Bucket, one: Added) -> bool:
    with bucket.as_our_errors():
        try:
            bucket.client.delete_object(Bucket=bucket.name, Key=one.key, VersionId=one.version)
        except ClientError:
            return False
    return True


def _is_whole(bucket: Bucket, version: Version, body: bytes, until: datetime) -> bool:
    if version.id not in {one.id for one in bucket.versions(version.key).get(version.key, [])}:
        return False
    return bucket.read(version) == body and bucket.locked_until(version) == until


def try_bucket(bucket: Bucket, archive: Archive, settings: Settings) -> dict[str, Any]:
    """Everything on a bucket made like the archive's. `had` is False where these credentials may not make one."""
    name = f"{bucket.name[:38]}-drill-{settings.run_id}"
    place: Any = {}
    if archive.region != "us-east-1":
        place = {"CreateBucketConfiguration": {"LocationConstraint": archive.region}}
    (settings.workspace / CANARY_BUCKET).write_text(name)
    make = Act(
        "make a bucket", lambda: bucket.client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True, **place)
    )
    tally = Tally()
    with bucket.as_our_errors():
        if not tally.tries(make):
            (settings.workspace / CANARY_BUCKET).unlink()
            return {"had": False, "name": name, "tried": tally.as_data()}
        bucket.client.put_object(Bucket=name, Key=_KEY, Body=b"canary")
        for act in acts_on_canary(bucket.client, name):
            if tally.tries(act) and act.what in BUCKET_PROMISED:
                break
    forget_bucket(bucket, settings)
    return {"had": True, "name": name, "tried": tally.as_data()}


def forget_bucket(bucket: Bucket, settings: Settings) -> None:
    """Removes the canary bucket, if there is one; whatever else somebody put there keeps it."""
    file = settings.workspace / CANARY_BUCKET
    if not file.is_file():
        return
    client, name = bucket.client, file.read_text()
    with bucket.as_our_errors():
        try:
            found = client.list_object_versions(Bucket=name, Prefix=_KEY)
            for one in [*found.get("Versions", []), *found.get("DeleteMarkers", [])]:
                client.delete_object(Bucket=name, Key=one["Key"], VersionId=one["VersionId"])
            client.delete_bucket(Bucket=name)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code != "NoSuchBucket":
                raise StepFailed(
                    f"bucket {name!r}, which the drill made, is not removed: {code}", "its removal", "remove it by hand"
                ) from None
    file.unlink()
