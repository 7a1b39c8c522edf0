"""State in an S3 bucket. Credentials come from the AWS chain and are neither stored nor shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

from dingli.environment.s3_url import parse_s3_url
from dingli.evidence.redaction import register_secret
from dingli.exceptions import DingliError, SetupError

__all__ = ["S3Backend", "S3Trouble"]

_ABSENT = ("404", "NoSuchKey")
_CHAIN = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or a role of this machine"
_REFUSED = {
    "InvalidAccessKeyId": "an access key that the service knows",
    "SignatureDoesNotMatch": "the secret that belongs to the access key",
    "ExpiredToken": "credentials that have not expired",
}


class S3Trouble(DingliError):
    """The bucket cannot be used."""


class S3Backend:
    """Objects below a bucket's prefix."""

    def __init__(self, url: str) -> None:
        try:
            self._location = parse_s3_url(url)
        except ValueError as error:
            raise SetupError(f"the backend {url!r}", str(error), "correct `state.backend`") from None
        self._url = url
        options = self._location.options
        patient = Config(
            s3={"addressing_style": "path" if options.get("s3ForcePathStyle") == "true" else "auto"},
            connect_timeout=5,
            read_timeout=15,
            retries={"total_max_attempts": 2},
        )
        with self._as_our_errors():
            session = boto3.Session(profile_name=options.get("profile"), region_name=options.get("region"))
            credentials = session.get_credentials()
            self._client = session.client("s3", endpoint_url=options.get("endpoint"), config=patient)
        for secret in (credentials.secret_key, credentials.token) if credentials else ():
            if secret and len(secret) > 5:
                register_secret(secret)  # whatever an error says, it is not evidence

    @property
    def url(self) -> str:
        return self._url

    def require(self) -> None:
        """Ask for the bucket and for what is in it: the first would do without the right to list."""
        with self._as_our_errors():
            self._client.list_objects_v2(Bucket=self._location.bucket, Prefix=self._key(".pulumi/"), MaxKeys=1)

    def read(self, key: str) -> bytes | None:
        try:
            with self._as_our_errors():
                return self._client.get_object(Bucket=self._location.bucket, Key=self._key(key))["Body"].read()
        except _Absent:
            return None

    def keys(self, prefix: str) -> list[str]:
        head = len(self._key(""))
        with self._as_our_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._location.bucket, Prefix=self._key(prefix)
            )
            return sorted(item["Key"][head:] for page in pages for item in page.get("Contents", []))

    def remove(self, key: str) -> None:
        with self._as_our_errors():
            self._client.delete_object(Bucket=self._location.bucket, Key=self._key(key))

    def place(self, key: str) -> str:
        return f"s3://{self._location.bucket}/{self._key(key)}"

    def _key(self, key: str) -> str:
        return f"{self._location.prefix}/{key}" if self._location.prefix else key

    @contextmanager
    def _as_our_errors(self) -> Iterator[None]:
        bucket = f"bucket {self._location.bucket!r}"
        service = self._location.options.get("endpoint", "AWS")
        try:
            yield
        except NoCredentialsError:
            raise S3Trouble(f"no credentials for {bucket}", _CHAIN, "set them, and run again") from None
        except EndpointConnectionError:
            raise S3Trouble(
                f"no answer from {service}, which has {bucket}",
                "the S3 service of `state.backend`",
                "see whether it is up and can be reached from here; hosts and `dingli status` do not need it",
            ) from None
        except ClientError as error:
            raise _refusal(error, bucket, service) from None
        except BotoCoreError as error:
            raise S3Trouble(f"{bucket} at {service}: {error}", "an answer", "see `state.backend`") from None


class _Absent(S3Trouble):
    """There is no such object."""


def _refusal(error: ClientError, bucket: str, service: str) -> S3Trouble:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "NoSuchBucket":
        return S3Trouble(f"no {bucket} at {service}", "a bucket that exists", "make it, or correct `state.backend`")
    if code in _ABSENT:
        return _Absent(f"no such object in {bucket}")
    if code in ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"):
        return S3Trouble(f"{bucket} is in another region", "its own region", "correct `region=` in `state.backend`")
    if code in _REFUSED or status in (401, 403):
        wanted = _REFUSED.get(code, "the right to list, read, write and delete there")
        return S3Trouble(f"{service} refuses {bucket}: {code}", wanted, f"check {_CHAIN}")
    return S3Trouble(f"{bucket} at {service} answers {code or status}", "an answer that serves", "try again, or ask it")
