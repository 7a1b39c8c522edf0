"""Locks in the cloud's buckets are what S3's are, where moto's own are less."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from lab.cloud import storage

BUCKET, KEY, BODY = "locked", "object", b"kept"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(s3_backends, "backend", s3_backends.backend)
    storage.install()
    s3_backends.clear()
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    session: Any = boto3.Session("any", "any", region_name="us-east-1")
    client = session.client("s3", endpoint_url="http://{}:{}".format(*server.get_host_and_port()))
    client.create_bucket(Bucket=BUCKET, ObjectLockEnabledForBucket=True)
    yield client
    server.stop()
    s3_backends.clear()
    s3_backends.bucket_accounts.clear()


def put(s3: Any, mode: str) -> dict[str, str]:
    lock = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": NOW + timedelta(days=2)}
    said = s3.put_object(Bucket=BUCKET, Key=KEY, Body=BODY, **lock)
    return {"Bucket": BUCKET, "Key": KEY, "VersionId": said["VersionId"]}


def lock(s3: Any, place: dict[str, str], mode: str, days: int) -> None:
    wanted = {"Mode": mode, "RetainUntilDate": NOW + timedelta(days=days)}
    s3.put_object_retention(**place, Retention=wanted, BypassGovernanceRetention=True)


@pytest.mark.parametrize(("mode", "days"), [("COMPLIANCE", 1), ("GOVERNANCE", 2), ("GOVERNANCE", 9)])
def test_a_lock_in_compliance_mode_becomes_neither_shorter_nor_weaker(s3: Any, mode: str, days: int) -> None:
    place = put(s3, "COMPLIANCE")
    with pytest.raises(ClientError, match="AccessDenied"):
        lock(s3, place, mode, days)
    said = s3.head_object(**place)
    assert (said["ObjectLockMode"], said["ObjectLockRetainUntilDate"]) == ("COMPLIANCE", NOW + timedelta(days=2))


def test_it_becomes_longer_and_one_in_governance_mode_is_changed_by_who_may(s3: Any) -> None:
    place = put(s3, "COMPLIANCE")
    lock(s3, place, "COMPLIANCE", 3)
    assert s3.head_object(**place)["ObjectLockRetainUntilDate"] == NOW + timedelta(days=3)
    weak = put(s3, "GOVERNANCE")
    lock(s3, weak, "GOVERNANCE", 1)
    assert s3.head_object(**weak)["ObjectLockRetainUntilDate"] == NOW + timedelta(days=1)


def test_a_bucket_that_locks_keeps_its_versions_and_its_lock(s3: Any) -> None:
    with pytest.raises(ClientError, match="InvalidBucketState"):
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    with pytest.raises(ClientError, match="MalformedXML"):
        s3.put_object_lock_configuration(Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Disabled"})
    assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
    assert s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"


def test_what_is_new_may_be_locked_otherwise_at_any_time(s3: Any) -> None:
    put(s3, "COMPLIANCE")
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 5}}
    s3.put_object_lock_configuration(
        Bucket=BUCKET, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    said = s3.get_object_lock_configuration(Bucket=BUCKET)["ObjectLockConfiguration"]
    assert said["Rule"]["DefaultRetention"]["Days"] == 5


def test_a_bucket_without_a_lock_may_do_without_versions(s3: Any) -> None:
    s3.create_bucket(Bucket="plain")
    for status in ("Enabled", "Suspended"):
        s3.put_bucket_versioning(Bucket="plain", VersioningConfiguration={"Status": status})
    assert s3.get_bucket_versioning(Bucket="plain")["Status"] == "Suspended"
