"""What a single value of an environment file may be: names, addresses, ports, numbers and one-line texts."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic_core import PydanticCustomError

from dingli.environment.s3_url import parse_s3_url, require_private

__all__ = [
    "AbsolutePath",
    "Address",
    "BucketName",
    "Count",
    "DataLevel",
    "Entry",
    "Fingerprint",
    "Flag",
    "MachineId",
    "Mailbox",
    "Name",
    "Network",
    "Port",
    "Positive",
    "PowerCommand",
    "PowerOffCommand",
    "PrivateEndpoint",
    "Replaceable",
    "Seconds",
    "SessionName",
    "Share",
    "Smarthost",
    "StateUrl",
    "Symbol",
    "Text",
    "Url",
]

_INT64_MAX = 2**63 - 1


def _fail(expected: str) -> PydanticCustomError:
    return PydanticCustomError("expected", "{expected}", {"expected": expected})


def _matching(pattern: str, expected: str) -> BeforeValidator:
    compiled = re.compile(pattern)

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise _fail(expected)
        return value

    return BeforeValidator(check)


def _address(value: Any) -> Any:
    if isinstance(value, IPv4Address):
        return value
    try:
        return IPv4Address(value if isinstance(value, str) else "")
    except ValueError:
        raise _fail("an IPv4 address such as 10.0.0.1") from None


def _network(value: Any) -> Any:
    if isinstance(value, IPv4Network):
        return value
    try:
        return IPv4Network(value if isinstance(value, str) and "/" in value else "")
    except ValueError:
        raise _fail("an IPv4 network without host bits, such as 10.0.0.0/24") from None


def _s3_url(value: Any) -> Any:
    try:
        parse_s3_url(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _fail(str(error)) from None
    return value


def _private_endpoint(value: Any) -> Any:
    try:
        require_private(value if isinstance(value, str) else "")
    except ValueError as error:
        raise _fail(str(error)) from None
    return value


def _power_command(value: Any) -> Any:
    if not isinstance(value, str) or "{host}" not in value:
        raise _fail("a command that contains {host}")
    return value


def _power_off_command(value: Any) -> Any:
    if not isinstance(value, str) or "{host}" not in value or "{seconds}" not in value:
        raise _fail("a command that contains {host} and {seconds}: every power-off carries an expiry")
    return value


def _url(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"https?://[^\s]{1,1000}", value):
        raise _fail("a URL that begins with http:// or https://")
    return value


Name = Annotated[
    str,
    _matching(r"[a-z][a-z0-9]*(-[a-z0-9]+)*(?<!.{32})", "a name: lower-case letters, digits and -, at most 31 long"),
]
Text = Annotated[str, _matching(r"[^\x00-\x1f\x7f]{1,255}", "text on one line")]
SessionName = Annotated[
    str, _matching(r"[A-Z0-9][A-Z0-9_-]{0,15}", "a session name: capital letters, digits, _ and -, at most 16 long")
]
Symbol = Annotated[str, _matching(r"[A-Z0-9]{1,16}", "a symbol: capital letters and digits, at most 16")]
Fingerprint = Annotated[
    str, _matching(r"SHA256:[A-Za-z0-9+/]{43}", "a fingerprint as ssh-keygen -l prints it: SHA256: and 43 characters")
]
Replaceable = Annotated[
    str,
    _matching(
        r"SHA256:[A-Za-z0-9+/]{43}|i-[A-Za-z0-9_-]+",
        "what the refusal named: the fingerprint of the new machine's host key, or the id of the instance that goes",
    ),
]
MachineId = Annotated[str, _matching(r"[0-9a-f]{32}", "a machine-id: 32 hexadecimal digits")]
Address = Annotated[IPv4Address, BeforeValidator(_address)]
Network = Annotated[IPv4Network, BeforeValidator(_network)]
BucketName = Annotated[
    str, _matching(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "a bucket's name: lower-case letters, digits, . and -, 3 to 63")
]
AbsolutePath = Annotated[str, _matching(r"/[^\x00-\x1f\x7f]{1,1000}", "a path that begins with /")]
Url = Annotated[str, BeforeValidator(_url)]
StateUrl = Annotated[str, BeforeValidator(_s3_url)]
PrivateEndpoint = Annotated[str, BeforeValidator(_private_endpoint)]
PowerCommand = Annotated[str, BeforeValidator(_power_command)]
PowerOffCommand = Annotated[str, BeforeValidator(_power_off_command)]
Mailbox = Annotated[str, _matching(r"[^\s@,<>]+@[^\s@,<>]+", "an address such as sre@example.org")]
Smarthost = Annotated[str, _matching(r"[A-Za-z0-9.-]+:[1-9][0-9]{0,4}", "HOST:PORT of a mail server")]
Port = Annotated[int, Strict(), Field(ge=1, le=65535)]
Count = Annotated[int, Strict(), Field(ge=0, le=_INT64_MAX)]
Positive = Annotated[int, Strict(), Field(ge=1, le=_INT64_MAX)]
Seconds = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Share = Annotated[float, Strict(), Field(gt=0, le=1, allow_inf_nan=False)]
Flag = Annotated[bool, Strict()]
DataLevel = Annotated[int, Strict(), Field(ge=1, le=4)]


class Entry(BaseModel):
    """A mapping of the file: no unknown keys, never changed after reading."""

    model_config = ConfigDict(frozen=True, extra="forbid")
