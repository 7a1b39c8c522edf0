"""The settings of a bucket, each read and written by a call of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from infra.providers.base.values import contains_unknown
from infra.providers.industry.errors import code_of
from infra.providers.industry.fields import whole_number
from infra.providers.industry.identity import as_map

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "block_public",
    "blocks_public",
    "check_lifecycle",
    "check_lock",
    "encrypt",
    "encryption_of",
    "lifecycle_of",
    "lock",
    "lock_of",
    "normal_lifecycle",
    "normal_lock",
    "set_lifecycle",
    "set_versioning",
    "tags_of",
    "versioning_of",
]

_NOT_SET = {
    "NoSuchTagSet",
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ObjectLockConfigurationNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "NotImplemented",  # a service without the feature has it nowhere; setting it says so
    "MethodNotAllowed",
}
_BLOCKED = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_DAYS = ("expire_days", "noncurrent_days", "abort_uploads_days")
_days = whole_number(1, 36500)


def _asked(call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """The answer; empty if the setting was never made."""
    try:
        return call()
    except ClientError as error:
        if code_of(error) in _NOT_SET:
            return {}
        raise


def tags_of(s3: S3Client, bucket: str) -> dict[str, str]:
    """All tags."""
    return as_map(_asked(lambda: s3.get_bucket_tagging(Bucket=bucket)).get("TagSet", []))


def versioning_of(s3: S3Client, bucket: str) -> bool:
    """True if every version is kept."""
    return s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"


def set_versioning(s3: S3Client, bucket: str, on: bool) -> None:
    """Keep every version from now on, or no further ones."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled" if on else "Suspended"})


def check_lock(value: Any) -> str | None:
    """`{mode, days}` or `{mode, years}`."""
    if contains_unknown(value):
        return None
    if not isinstance(value, Mapping) or set(value) not in ({"mode", "days"}, {"mode", "years"}):
        return f"is {value!r}, expected mode (COMPLIANCE or GOVERNANCE) and either days or years"
    if value["mode"] not in ("COMPLIANCE", "GOVERNANCE"):
        return f"mode is {value['mode']!r}, expected COMPLIANCE (nobody can shorten it) or GOVERNANCE"
    reason = whole_number(1, 100)(value["years"]) if "years" in value else _days(value["days"])
    return f"the period {reason}" if reason else None


def normal_lock(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """For comparing."""
    return dict(value)


def lock_of(s3: S3Client, bucket: str) -> dict[str, Any] | None:
    """The default retention; an empty one for a lock without, None for no lock."""
    found = _asked(lambda: s3.get_object_lock_configuration(Bucket=bucket)).get("ObjectLockConfiguration", {})
    if found.get("ObjectLockEnabled") != "Enabled":
        return None
    retention = found.get("Rule", {}).get("DefaultRetention", {})
    periods = {"mode": retention.get("Mode"), "days": retention.get("Days"), "years": retention.get("Years")}
    return {name: value for name, value in periods.items() if value}


def lock(s3: S3Client, bucket: str, wanted: Mapping[str, Any]) -> None:
    """Set the default retention."""
    period: Any = {"Years": wanted["years"]} if "years" in wanted else {"Days": wanted["days"]}
    rule: Any = {"DefaultRetention": {"Mode": wanted["mode"], **period}}
    s3.put_object_lock_configuration(
        Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )


def check_lifecycle(value: Any) -> str | None:
    """Rules with a `prefix` (empty: everything) and at least one period."""
    if contains_unknown(value):
        return None
    if not isinstance(value, Sequence) or isinstance(value, str):
        return f"is {value!r}, expected a list of rules"
    found = [f"[{number}] {reason}" for number, rule in enumerate(value) for reason in _rule_problems(rule)]
    prefixes = [rule.get("prefix", "") for rule in value if isinstance(rule, Mapping)]
    found += [
        f"two rules for the prefix {one!r}" for one in sorted({one for one in prefixes if prefixes.count(one) > 1})
    ]
    return "; ".join(found) or None


def _rule_problems(rule: Any) -> list[str]:
    if not isinstance(rule, Mapping) or not set(rule) & set(_DAYS):
        return [f"expected prefix and at least one of {', '.join(_DAYS)}"]
    reasons = [f"{key} is not part of a rule" for key in sorted(set(rule) - {"prefix", *_DAYS})]
    if not isinstance(rule.get("prefix", ""), str):
        reasons.append("prefix is not text")
    return reasons + [f"{name} {reason}" for name in _DAYS if name in rule and (reason := _days(rule[name]))]


def normal_lifecycle(value: Any) -> list[dict[str, Any]]:
    """In one order, with the prefix."""
    return sorted(({"prefix": "", **rule} for rule in value), key=lambda rule: str(rule["prefix"]))


def lifecycle_of(s3: S3Client, bucket: str) -> list[dict[str, Any]]:
    """The rules that are on."""
    rules = _asked(lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket)).get("Rules", [])
    return normal_lifecycle(_declared(rule) for rule in rules if rule["Status"] == "Enabled")


def _declared(rule: Mapping[str, Any]) -> dict[str, Any]:
    periods = {
        "expire_days": rule.get("Expiration", {}).get("Days"),
        "noncurrent_days": rule.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        "abort_uploads_days": rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
    }
    prefix = rule.get("Filter", {}).get("Prefix", rule.get("Prefix", ""))
    return {"prefix": prefix, **{name: days for name, days in periods.items() if days}}


def set_lifecycle(s3: S3Client, bucket: str, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Exactly these rules."""
    if not wanted:
        s3.delete_bucket_lifecycle(Bucket=bucket)
        return
    rules: Any = [_as_rule(rule) for rule in normal_lifecycle(wanted)]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})


def _as_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "ID": f"dingli-{rule['prefix'] or 'everything'}"[:255],
        "Status": "Enabled",
        "Filter": {"Prefix": rule["prefix"]},
    }
    if "expire_days" in rule:
        made["Expiration"] = {"Days": rule["expire_days"]}
    if "noncurrent_days" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["noncurrent_days"]}
    if "abort_uploads_days" in rule:
        made["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": rule["abort_uploads_days"]}
    return made


def encryption_of(s3: S3Client, bucket: str) -> tuple[str, str | None]:
    """Algorithm (or `none`) and key by which objects are encrypted unless they say otherwise."""
    answer = _asked(lambda: s3.get_bucket_encryption(Bucket=bucket))
    rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    found = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    return found.get("SSEAlgorithm", "none"), found.get("KMSMasterKeyID")


def encrypt(s3: S3Client, bucket: str, algorithm: str, key: str | None) -> None:
    """Encrypt what comes from now on, or (`none`) leave it to whoever writes."""
    if algorithm == "none":
        s3.delete_bucket_encryption(Bucket=bucket)
        return
    named: Any = {"KMSMasterKeyID": key} if key else {}
    rule: Any = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm, **named}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})


def blocks_public(s3: S3Client, bucket: str) -> bool:
    """True if all four ways to make it public are shut."""
    found = _asked(lambda: s3.get_public_access_block(Bucket=bucket)).get("PublicAccessBlockConfiguration", {})
    return all(found.get(name) for name in _BLOCKED)


def block_public(s3: S3Client, bucket: str, on: bool) -> None:
    """Shut, or leave to policies."""
    if on:
        every: Any = dict.fromkeys(_BLOCKED, True)
        s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=every)
    else:
        s3.delete_public_access_block(Bucket=bucket)
