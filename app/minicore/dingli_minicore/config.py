"""The configuration file, checked once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dingli_minicore.codec import Instrument
from dingli_minicore.exceptions import ConfigError

__all__ = ["Config", "EtcdAccess", "Tls", "load_config"]


@dataclass(frozen=True, slots=True)
class Tls:
    """Paths of PEM files."""

    ca: str
    cert: str
    key: str


@dataclass(frozen=True, slots=True)
class EtcdAccess:
    """How to reach the journal; `endpoints` in order of preference, without TLS if they begin with http://."""

    endpoints: tuple[str, ...]
    tls: Tls | None
    user: str
    password_file: str


@dataclass(frozen=True, slots=True)
class Config:
    """What a minimal core is told; addresses are `host:port`."""

    cell: str
    core_id: str
    lease_s: float
    generation: int
    listen: tuple[str, int]
    advertise: str
    metrics: tuple[str, int]
    etcd: EtcdAccess
    tls: Tls | None
    revision: int
    max_age_ms: int
    instruments: tuple[Instrument, ...]
    same_city: tuple[str, ...]
    archive: Path
    """Segments of what the journal does not hold any more; need not exist."""

    @property
    def host(self) -> str:
        """The host's name, as etcd members are called too."""
        return self.core_id.partition("/")[0]

    @property
    def deadline_s(self) -> float:
        """How long one call to etcd may take."""
        return self.lease_s / 3

    @property
    def poll_s(self) -> float:
        """Between two reads of the small keys; a host with a long lease is a slow one."""
        return max(0.3, min(1.0, self.lease_s / 15))

    @property
    def status_s(self) -> float:
        """Between two status keys."""
        return max(1.0, min(2.0, self.lease_s / 5))


def _tls(data: dict[str, Any] | None) -> Tls | None:
    return Tls(data["ca"], data["cert"], data["key"]) if data and data.get("ca") else None


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _instrument(data: dict[str, Any]) -> Instrument:
    found = Instrument(data["symbol"], *(int(data[name]) for name in Instrument._fields[1:]))
    prices = 0 <= found.min_price <= found.max_price <= 10**9
    if not (prices and 0 < found.tick <= 10**9 and 0 < found.max_quantity <= 10**6):
        limits = "tick 1 to 10^9, max_quantity 1 to 10^6, 0 <= min_price <= max_price <= 10^9"
        raise ConfigError(f"instrument {found}: expected {limits}")
    return found


def _etcd(data: dict[str, Any]) -> EtcdAccess:
    return EtcdAccess(tuple(data["endpoints"]), _tls(data), data.get("user") or "", data.get("password_file") or "")


def load_config(path: Path) -> Config:
    """The configuration in `path`; ConfigError says what is missing or wrong in it."""
    try:
        data = json.loads(path.read_text())
        if data["kind"] != "minimal":
            raise ConfigError(f"{path}: kind is {data['kind']!r}; this program is the minimal core")
        return Config(
            cell=data["cell"],
            core_id=data["core_id"],
            lease_s=float(data["lease_s"]),
            generation=int(data.get("generation", 1)),
            listen=_address(data["listen"]),
            advertise=data["advertise"],
            metrics=_address(data["metrics"]),
            etcd=_etcd(data["etcd"]),
            tls=_tls(data.get("tls")),
            revision=int(data["revision"]),
            max_age_ms=int(data["max_age_ms"]),
            instruments=tuple(_instrument(each) for each in data["instruments"]),
            same_city=tuple(data.get("same_city_journal_members") or ()),
            archive=Path(data.get("state_dir") or ".") / "archive",
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        what = f"{type(error).__name__} {error}"
        raise ConfigError(f"{path}: {what}; expected the configuration of a minimal core") from error
