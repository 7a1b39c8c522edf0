"""A bucket whose objects keep every version, locked: nothing written here can be changed or deleted for its time."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from dingli.archive.exceptions import BucketTrouble
from dingli.cloud_session import cloud_session
from dingli.environment import Archive, Environment
from dingli.evidence.redaction import register_secret
from dingli.exceptions import InputError, SetupError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Bucket", "Version", "settings_of"]

_CHAIN = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, `archive.credentials_file`, a profile, or a role of this machine"
_PART_BYTES = 1 << 20
_MOST_BYTES = 5 * 10**9
_MADE_BY = "`dingli archive init` makes one"


@dataclass(frozen=True)
class Version:
    """One version of an object; `deleted`: a mark that hides the older ones and holds nothing."""

    key: str
    id: str
    size: int = 0
    deleted: bool = False


class Bucket:
    """The environment's archive. Everything is addressed by key and version: what is newest proves nothing."""

    def __init__(self, settings: Archive) -> None:
        self._settings = settings
        self._service = settings.endpoint or "AWS"
        for key, file in (("ca", settings.ca), ("credentials_file", settings.credentials_file)):
            if file is not None and not Path(file).is_file():
                raise SetupError(f"no file {file}", f"what `archive.{key}` names", "put it there, or correct the path")
        config = Config(
            s3={"addressing_style": "path" if settings.endpoint else "auto"},
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": 3},
            request_checksum_calculation="when_required",  # not every S3-compatible service knows newer sums
            response_checksum_validation="when_required",
        )
        with self.as_our_errors():
            session = cloud_session(region=settings.region, credentials_file=settings.credentials_file)
            credentials = session.get_credentials()
            self.client: S3Client = session.client(
                "s3", endpoint_url=settings.endpoint, config=config, verify=settings.ca
            )
            """For drills, which try what an archive never does."""
        for secret in (credentials.secret_key, credentials.token) if credentials else ():
            if secret and len(secret) > 5:
                register_secret(secret)  # whatever an error says, it is not evidence

    @property
    def name(self) -> str:
        return self._settings.bucket

    @property
    def service(self) -> str:
        """Where it is, for people."""
        return self._service

    def make(self) -> bool:
        """The bucket with versions and locks; False if it was there. Raises BucketTrouble if it is another kind."""
        region = self._settings.region
        with self.as_our_errors():
            present = {one["Name"] for one in self.client.list_buckets().get("Buckets", [])}
            if self.name not in present and region == "us-east-1":
                self.client.create_bucket(Bucket=self.name, ObjectLockEnabledForBucket=True)
            elif self.name not in present:
                self.client.create_bucket(
                    Bucket=self.name,
                    ObjectLockEnabledForBucket=True,
                    CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
                )
        self.require()
        return self.name not in present

    def require(self) -> None:
        """Raises BucketTrouble unless the bucket keeps versions and can lock them."""
        with self.as_our_errors():
            versions = self.client.get_bucket_versioning(Bucket=self.name).get("Status")
            try:
                lock = self.client.get_object_lock_configuration(Bucket=self.name)["ObjectLockConfiguration"]
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") != "ObjectLockConfigurationNotFoundError":
                    raise
                lock = {}
        if versions != "Enabled" or lock.get("ObjectLockEnabled") != "Enabled":
            raise BucketTrouble(
                f"bucket {self.name!r} without {'object lock' if versions == 'Enabled' else 'versions'}",
                "one that was made with both",
                f"name another one in `archive.bucket`: {_MADE_BY}",
            )

    def put(self, key: str, data: bytes) -> Version:
        """Write, read back, compare, and see that it is locked; only then is it there."""
        return self.put_from(key, io.BytesIO(data))

    def put_from(self, key: str, source: BinaryIO) -> Version:
        """The same from a file that can be read twice."""
        until = datetime.now(UTC) + timedelta(days=self._settings.retention_days)
        md5, sha256, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), 0
        while part := source.read(_PART_BYTES):
            md5.update(part)
            sha256.update(part)
            size += len(part)
        if size > _MOST_BYTES:
            raise BucketTrouble(f"{key} would have {size} bytes", f"at most {_MOST_BYTES}, which one request can carry")
        source.seek(0)
        with self.as_our_errors():
            answer = self.client.put_object(
                Bucket=self.name,
                Key=key,
                Body=source,
                ContentLength=size,
                ContentMD5=base64.b64encode(md5.digest()).decode(),
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=until,
            )
        written = Version(key, answer.get("VersionId", ""), size)
        back = hashlib.sha256()
        for part in self.parts(written):
            back.update(part)
        if back.digest() != sha256.digest():
            raise BucketTrouble(f"{key} reads back otherwise than it was written", "the same bytes", "ask the service")
        locked = self.locked_until(written)
        if locked is None or locked < until - timedelta(seconds=2):
            raise BucketTrouble(
                f"{key} is locked until {locked or 'never'}", f"{until:%Y-%m-%d}, in COMPLIANCE mode", "ask the service"
            )
        return written

    def read(self, version: Version) -> bytes:
        return b"".join(self.parts(version))

    def parts(self, version: Version) -> Iterator[bytes]:
        with self.as_our_errors():
            answer = self.client.get_object(Bucket=self.name, Key=version.key, VersionId=version.id)
            yield from answer["Body"].iter_chunks(_PART_BYTES)

    def locked_until(self, version: Version) -> datetime | None:
        """Until when nobody can delete this version, whoever it is; None if somebody can."""
        with self.as_our_errors():
            said = self.client.head_object(Bucket=self.name, Key=version.key, VersionId=version.id)
        until = said.get("ObjectLockRetainUntilDate")
        return until if until and until > datetime.now(UTC) and said.get("ObjectLockMode") == "COMPLIANCE" else None

    def versions(self, prefix: str) -> dict[str, list[Version]]:
        """By key, in the order of keys: its versions, the oldest first, then the marks that hide them."""
        found: dict[str, list[Version]] = {}
        hidden: dict[str, list[Version]] = {}
        with self.as_our_errors():
            for page in self.client.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix):
                for one in page.get("Versions", []):
                    version = Version(one["Key"], one["VersionId"], one["Size"])
                    found.setdefault(version.key, []).insert(0, version)
                for mark in page.get("DeleteMarkers", []):
                    version = Version(mark["Key"], mark["VersionId"], deleted=True)
                    hidden.setdefault(version.key, []).insert(0, version)
        return {key: found.get(key, []) + hidden.get(key, []) for key in sorted({*found, *hidden})}

    @contextmanager
    def as_our_errors(self) -> Iterator[None]:
        """What the service or the way to it says, as BucketTrouble."""
        bucket = f"bucket {self.name!r}"
        try:
            yield
        except NoCredentialsError:
            raise BucketTrouble(f"no credentials for {bucket}", _CHAIN, "set them, and run again") from None
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "NoSuchBucket":
                raise BucketTrouble(f"no {bucket} at {self._service}", "one with object lock", _MADE_BY) from None
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") in (401, 403):
                wanted = "the right to list, read, write and lock there"
                raise BucketTrouble(f"{self._service} refuses {bucket}: {code}", wanted, f"check {_CHAIN}") from None
            raise BucketTrouble(f"{bucket} at {self._service} answers {code}", "an answer that serves") from None
        except BotoCoreError as error:
            raise BucketTrouble(
                f"{bucket} at {self._service}: {error}",
                "an answer",
                "see whether the service is up, and its certificate against `archive.ca`; trading does not need it",
            ) from None


def settings_of(environment: Environment) -> Archive:
    """The declared archive; raises InputError for an environment without one."""
    if environment.archive is None:
        raise InputError(
            f"environment {environment.name} declares no archive",
            "`archive: {bucket: …, retention_days: …}` in its file",
            "see docs/archive.md",
        )
    return environment.archive
