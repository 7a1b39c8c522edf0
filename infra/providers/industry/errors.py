"""What went wrong at the cloud: which resource, which call, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from infra.providers.base.exceptions import ProviderError
from infra.providers.industry.cloud import Cloud

__all__ = ["code_of", "explained", "is_ambiguous", "is_throttling", "nothing_to_import"]

_CHAIN = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws named by `industry:profile`"
_IDENTITY = {
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "Forbidden", "UnauthorizedOperation", "403"}
_CLOCK = {"RequestExpired", "RequestTimeTooSkewed"}
_QUOTA = {"TooManyBuckets", "InsufficientInstanceCapacity", "InsufficientFreeAddressesInSubnet"}
_IN_USE = {"DependencyViolation", "VolumeInUse", "ResourceInUse"}
_THROTTLING = {
    "EC2ThrottledException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}


def code_of(error: ClientError) -> str:
    """The error's code, such as `VpcLimitExceeded`."""
    details: Mapping[str, Any] = error.response.get("Error", {})
    return str(details.get("Code", ""))


def is_throttling(error: Exception) -> bool:
    """Nothing was done; later it may be."""
    return isinstance(error, ClientError) and code_of(error) in _THROTTLING


def is_ambiguous(error: Exception) -> bool:
    """Whether it was done is not known: no answer, or one of a broken service."""
    if isinstance(error, ClientError):
        return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)) >= 500
    return isinstance(error, HTTPClientError | ResponseParserError | SSLError) and not _is_untrusted(error)


def _is_untrusted(error: Exception) -> bool:
    """A connection that breaks is an `SSLError`, too."""
    return isinstance(error, SSLError) and "certificate" in str(error).lower()


def nothing_to_import(cloud: Cloud, resource_id: str) -> ProviderError:
    """For an id that the cloud does not know; the engine would import nothing without a word."""
    return ProviderError(
        f"nothing with the id {resource_id} at {cloud.where}",
        "the id of an object of this type",
        "correct the id, or `industry:endpoint` and `industry:region`",
    )


@contextmanager
def explained(cloud: Cloud, name: str) -> Iterator[None]:
    """Errors of the cloud's library, raised in the body, become a `ProviderError` about the resource `name`."""
    try:
        yield
    except ClientError as error:
        expected, remedy = _advice(error, cloud)
        details: Mapping[str, Any] = error.response.get("Error", {})
        said = f"{code_of(error)}: {details.get('Message', '')}".rstrip(": ")
        raise ProviderError(f"{name}: {cloud.last_call}: {said}", expected, remedy) from None
    except (BotoCoreError, ResponseParserError) as error:
        raise _without_answer(error, cloud, f"{name}: {cloud.last_call or 'no call yet'}") from None


def _advice(error: ClientError, cloud: Cloud) -> tuple[str, str]:
    code, call = code_of(error), cloud.last_call
    if code in _IDENTITY:
        return "an access key that this cloud knows, and its secret", f"check {_CHAIN}"
    if code in _FORBIDDEN:
        return f"the right to {call}", f"give it to the account, or use another one: {_CHAIN}"
    if code in _CLOCK:
        return "a clock that agrees with the cloud's", "look at `chronyc tracking` on this machine"
    if code in _THROTTLING:
        return f"fewer calls at once than {cloud.settings.max_attempts} attempts could get through", "run `up` again"
    if code in _QUOTA or code.endswith(("LimitExceeded", "QuotaExceeded", "Quota")):
        return "room within the account's quota", "ask the cloud's operator for more, or remove what nobody needs"
    if code in _IN_USE:
        return "nothing that uses it", "remove what still uses it and is not of this stack, then run it again"
    if code == "BucketNotEmpty":
        return "an empty bucket", "a bucket's content is never deleted from here: move or delete it, then run it again"
    if code.startswith("BucketAlready"):
        return "a name that nobody else has", "choose another `name`"
    if ".NotFound" in code or code.startswith("NoSuch"):
        return (
            "an object that exists",
            "`pulumi up --refresh` makes again what was deleted outside; correct ids by hand",
        )
    return "a call that the cloud accepts", "correct the value it names; the same call by hand tells more"


def _without_answer(error: Exception, cloud: Cloud, found: str) -> ProviderError:
    where = cloud.where
    if isinstance(error, NoCredentialsError | PartialCredentialsError | TokenRetrievalError):
        return ProviderError(f"{found}: no credentials ({error})", "an access key and its secret", f"set {_CHAIN}")
    if isinstance(error, ProfileNotFound):
        return ProviderError(f"{found}: {error}", "a profile that exists", "correct `industry:profile`")
    if _is_untrusted(error):
        return ProviderError(
            f"{found}: the certificate of {where} is not trusted ({_cause(error)})",
            "one signed by a CA that this machine or `industry:ca_file` knows, with the endpoint's name",
            "get the CA's certificate from the cloud's operator and name it in `industry:ca_file`",
        )
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError):
        return ProviderError(
            f"{found}: no answer from {where}", "a cloud that answers", "is it up, and can it be reached from here?"
        )
    if isinstance(error, HTTPClientError | SSLError):
        return ProviderError(
            f"{found}: {where} did not answer to the end ({_cause(error)})",
            "a whole answer",
            "run `up` again: what was made in spite of it is found and used",
        )
    if isinstance(error, ResponseParserError):
        return ProviderError(
            f"{found}: {where} answered something that is not of this service",
            "an endpoint that speaks EC2 and S3",
            "correct `industry:endpoint` and `industry:region`; is a proxy in between?",
        )
    return ProviderError(f"{found}: {error}", "a call that can be made", "correct what it names")


def _cause(error: Exception) -> str:
    cause = error.kwargs.get("error", error) if isinstance(error, BotoCoreError) else error
    return str(cause).rpartition("Caused by ")[2][:300]
