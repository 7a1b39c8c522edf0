"""Where a bucket keeps the engine's state: `s3://bucket/prefix?region=…&endpoint=…`, as Pulumi writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from re import fullmatch
from urllib.parse import parse_qsl, urlsplit

__all__ = ["S3Location", "parse_s3_url", "require_private"]

_EXPECTED = "s3://bucket, s3://bucket/prefix, or either with ?region=…&endpoint=…&s3ForcePathStyle=true"
_OPTIONS = ("region", "endpoint", "s3ForcePathStyle", "profile", "ssetype", "kmskeyid")


@dataclass(frozen=True)
class S3Location:
    """A bucket and the part of it that is ours; `options` are the address's own, never credentials."""

    bucket: str
    prefix: str
    options: Mapping[str, str]


def parse_s3_url(url: str) -> S3Location:
    """Raises ValueError, with what was expected, for an address that Pulumi would not take or that we do not want."""
    try:
        parts = urlsplit(url)
        options = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError(_EXPECTED) from None
    if parts.scheme != "s3" or not fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", parts.netloc) or parts.fragment:
        raise ValueError(_EXPECTED + ("; credentials come from the AWS chain" if "@" in parts.netloc else ""))
    prefix = parts.path.strip("/")
    if not fullmatch(r"[A-Za-z0-9._/-]*", prefix) or {"", ".", ".."} & set(prefix.split("/") if prefix else ()):
        raise ValueError(_EXPECTED)
    unknown = [name for name, value in options if name not in _OPTIONS or not value]
    if unknown or len(dict(options)) != len(options):
        raise ValueError(f"only the options {', '.join(_OPTIONS)}, each once and with a value")
    require_private(dict(options).get("endpoint", "https://aws"))
    return S3Location(parts.netloc, prefix, dict(options))


def require_private(endpoint: str) -> None:
    """What is stored travels in clear over http: that is for a service on this machine only. Raises ValueError."""
    parts = urlsplit(endpoint)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not _is_loopback(parts.hostname or ""):
        raise ValueError("an endpoint with https://, or http:// on this machine (127.0.0.1)")


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
