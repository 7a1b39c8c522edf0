"""What a bucket as a whole is told to do: versions, lock, rules of expiry. Read before an attack, and put back."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from dingli.archive import Bucket
from drills.ransomware import attempts
from drills.ransomware.attempts import Act

__all__ = ["acts_on_bucket", "acts_on_canary", "put_back", "rules_of"]

Rules = dict[str, Any]
_NONE = "NoSuchLifecycleConfiguration"
_DAYS = {"NoncurrentVersionExpiration": {"NoncurrentDays": 1}, "Expiration": {"Days": 1}}


def rules_of(bucket: Bucket) -> Rules:
    """`lifecycle` is None where these credentials may not read it."""
    client, name = bucket.client, bucket.name
    with bucket.as_our_errors():
        versioning = client.get_bucket_versioning(Bucket=name).get("Status", "")
        lock = client.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
        lifecycle: Any = []
        try:
            lifecycle = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != _NONE:
                lifecycle = None
    rules: Rules = json.loads(
        json.dumps({"versioning": versioning, "lock": lock, "lifecycle": lifecycle}, default=lambda at: at.isoformat())
    )
    return rules


def put_back(bucket: Bucket, before: Rules) -> list[str]:
    """What was another way now, and is as before again. Raises BucketTrouble when that is refused."""
    client, name, now, changed = bucket.client, bucket.name, rules_of(bucket), []
    with bucket.as_our_errors():
        if now["versioning"] != before["versioning"]:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": before["versioning"]})
            changed.append("versions")
        if now["lock"] != before["lock"]:
            client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=before["lock"])
            changed.append("object lock")
        if now["lifecycle"] != before["lifecycle"] and before["lifecycle"] is not None:
            if before["lifecycle"]:
                kept = {"Rules": before["lifecycle"]}
                client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration=kept)  # type: ignore[arg-type]
            else:
                client.delete_bucket_lifecycle(Bucket=name)
            changed.append("rules of expiry")
    return changed


def acts_on_canary(client: Any, name: str) -> list[Act]:
    """On a bucket of the drill's own: to the end."""
    weak = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    return [
        _default_lock(client, name, {"ObjectLockEnabled": "Enabled", "Rule": weak}),
        _expire(client, name, [{"ID": "ransom", "Status": "Enabled", "Filter": {"Prefix": ""}, **_DAYS}]),
        *_promised(client, name),
    ]


def acts_on_bucket(client: Any, name: str, before: Rules, own: str) -> list[Act]:
    """On the archive's: whether these credentials may, with nothing that would harm it if this were the end of it.

    The lock of what is new is written as it is; the rule deletes below `own` only, where the drill's own objects are,
    and those that are there stay.
    """
    mine = {"ID": "dingli-drill", "Status": "Enabled", "Filter": {"Prefix": own}, **_DAYS}
    rules = [] if before["lifecycle"] is None else [_expire(client, name, [*before["lifecycle"], mine])]
    return [_default_lock(client, name, before["lock"]), *rules, *_promised(client, name)]


def _promised(client: Any, name: str) -> list[Act]:
    off = {"ObjectLockEnabled": "Disabled"}
    suspended = {"Status": "Suspended"}
    return [
        Act(
            attempts.VERSIONS_OFF,
            lambda: client.put_bucket_versioning(Bucket=name, VersioningConfiguration=suspended),
        ),
        Act(attempts.LOCK_OFF, lambda: client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=off)),
        Act(attempts.DELETE_BUCKET, lambda: client.delete_bucket(Bucket=name)),
    ]


def _default_lock(client: Any, name: str, lock: dict[str, Any]) -> Act:
    return Act(
        attempts.DEFAULT_LOCK, lambda: client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
    )


def _expire(client: Any, name: str, rules: list[dict[str, Any]]) -> Act:
    return Act(
        attempts.EXPIRE,
        lambda: client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules}),
    )
