"""The gateway's configuration file (JSON): read once, checked completely, all mistakes reported at once."""

import json
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from dingli_gateway.exceptions import ConfigError

__all__ = ["Config", "CoreTls", "EtcdAccess", "FixTls", "is_loopback", "load_config", "parse_address"]

_KEYS = {
    "cell",
    "gateway_id",
    "fix_listen",
    "metrics",
    "etcd",
    "tls",
    "fix_tls",
    "members_file",
    "state_dir",
    "max_message_bytes",
}
_MIN_MESSAGE_BYTES = 512


@dataclass(frozen=True)
class EtcdAccess:
    """Where the journal is, own site first, and the certificate to read it with (None: plain HTTP on loopback)."""

    endpoints: tuple[str, ...]
    ca: Path | None
    cert: Path | None
    key: Path | None


@dataclass(frozen=True)
class CoreTls:
    """The client certificate shown to cores; its CN is gateway-<cell>."""

    ca: Path
    cert: Path
    key: Path


@dataclass(frozen=True)
class FixTls:
    """The server certificate shown to members."""

    cert: Path
    key: Path


@dataclass(frozen=True)
class Config:
    """All that a gateway needs to know. Without tls or fix_tls it speaks plain TCP, on loopback only."""

    cell: str
    gateway_id: str
    fix_listen: tuple[str, int]
    metrics: tuple[str, int]
    etcd: EtcdAccess
    tls: CoreTls | None
    fix_tls: FixTls | None
    members_file: Path
    state_dir: Path
    max_message_bytes: int


def parse_address(text: str) -> tuple[str, int]:
    """`addr:port` (IPv6 in brackets) as a pair; raises ConfigError."""
    host, separator, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not separator or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ConfigError(f"found {text!r}, expected address:port, for example 198.18.1.12:7410")
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether traffic to this address stays on the machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _Reader:
    """Takes values out of the raw document and gathers what is wrong with them."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.mistakes: list[str] = []

    def text(self, *path: str) -> str:
        value: Any = self.raw
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            return value
        self.mistakes.append(f"{'.'.join(path)}: found {value!r}, expected a text")
        return "?"

    def path(self, *path: str) -> Path:
        return Path(self.text(*path))

    def address(self, key: str) -> tuple[str, int]:
        try:
            return parse_address(self.text(key))
        except ConfigError as error:
            self.mistakes.append(f"{key}: {error}")
            return "127.0.0.1", 0

    def whole(self, key: str, default: int, least: int) -> int:
        value = self.raw.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        self.mistakes.append(f"{key}: found {value!r}, expected a whole number of at least {least}")
        return default

    def etcd(self) -> EtcdAccess:
        raw = self.raw.get("etcd")
        endpoints = raw.get("endpoints") if isinstance(raw, dict) else None
        if not isinstance(endpoints, list) or not endpoints or not all(isinstance(e, str) and e for e in endpoints):
            self.mistakes.append(f"etcd.endpoints: found {endpoints!r}, expected a list of addresses, own site first")
            endpoints = []
        if isinstance(raw, dict) and raw.get("ca") is None and raw.get("cert") is None and raw.get("key") is None:
            for endpoint in endpoints:
                if not is_loopback(parse_address(endpoint.split("://")[-1])[0]):
                    self.mistakes.append(f"etcd: {endpoint} is not on loopback, so ca, cert and key are needed")
            return EtcdAccess(tuple(endpoints), None, None, None)
        files = [self.path("etcd", key) for key in ("ca", "cert", "key")]
        return EtcdAccess(tuple(endpoints), *files)


def load_config(path: Path) -> Config:
    """Read and check the file; raises ConfigError that names it and lists every mistake."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: found {type(raw).__name__}, expected an object")
    reader = _Reader(raw)
    reader.mistakes += [f"{key}: unknown key" for key in sorted(raw.keys() - _KEYS)]
    config = _build(reader)
    if config.fix_tls is None and not is_loopback(config.fix_listen[0]):
        reader.mistakes.append(f"fix_tls: missing, but fix_listen {config.fix_listen[0]} is not on loopback")
    if reader.mistakes:
        raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in reader.mistakes))
    return config


def _build(reader: _Reader) -> Config:
    tls, fix_tls = reader.raw.get("tls"), reader.raw.get("fix_tls")
    return Config(
        cell=reader.text("cell"),
        gateway_id=reader.text("gateway_id"),
        fix_listen=reader.address("fix_listen"),
        metrics=reader.address("metrics"),
        etcd=reader.etcd(),
        tls=None if tls is None else CoreTls(*(reader.path("tls", key) for key in ("ca", "cert", "key"))),
        fix_tls=None if fix_tls is None else FixTls(*(reader.path("fix_tls", key) for key in ("cert", "key"))),
        members_file=reader.path("members_file"),
        state_dir=reader.path("state_dir"),
        max_message_bytes=reader.whole("max_message_bytes", 8192, _MIN_MESSAGE_BYTES),
    )
