"""Which cloud, and how it is reached: the provider's configuration, without credentials."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["Settings", "problem"]

_HTTPS = "is not https://HOST[:PORT] (http:// is for a service on this machine's loopback only)"
_NUMBERS = {"max_attempts": (1, 50), "wait_seconds": (1, 7200)}


@dataclass(frozen=True)
class Settings:
    """As configured. Without an endpoint boto3 chooses the one of the region."""

    environment: str
    region: str
    endpoint: str | None = None
    s3_endpoint: str | None = None
    ca_file: str | None = None
    profile: str | None = None
    credentials_file: str | None = None
    max_attempts: int = 6
    wait_seconds: int = 600

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Settings:
        """From values that `problem` finds nothing wrong with; what is not a setting is left out."""
        known = {name: values[name] for name in cls.__dataclass_fields__ if values.get(name) not in (None, "")}
        return cls(**known | {name: int(known[name]) for name in _NUMBERS if name in known})


def problem(name: str, value: Any) -> str | None:
    """Why the setting `name` cannot have this value, or None."""
    if name in _NUMBERS:
        low, high = _NUMBERS[name]
        good = str(value).isdecimal() and low <= int(str(value)) <= high
        return None if good else f"is {value!r}, expected a whole number from {low} to {high}"
    if not isinstance(value, str) or not value.strip():
        return f"is {value!r}, expected text"
    if name in ("endpoint", "s3_endpoint"):
        return _endpoint_problem(value)
    if name == "credentials_file" and not Path(value).is_absolute():
        return f"is {value!r}, expected an absolute path"
    if name == "ca_file":
        return _ca_problem(Path(value))
    return None


def _endpoint_problem(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return _HTTPS
    if "@" in parts.netloc:
        return "has credentials in it; they come from the usual AWS places (environment, profile), never from here"
    if parts.query or parts.fragment or not host:
        return _HTTPS
    return None if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host)) else _HTTPS


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _ca_problem(file: Path) -> str | None:
    if not file.is_absolute():
        return f"is {str(file)!r}, expected an absolute path"
    try:
        ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        return f"{file}: no CA certificate can be read from it ({error})"
    return None
