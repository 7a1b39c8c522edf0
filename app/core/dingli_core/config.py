"""The configuration file of a core, checked before anything runs."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dingli_core.exceptions import ConfigurationError

__all__ = ["Config", "CoreConfig", "EtcdConfig", "InstrumentConfig", "TlsConfig", "load"]

Address = Annotated[str, Field(pattern=r"^\S+:\d{1,5}$")]
PRICE_LIMIT = 10**9
QUANTITY_LIMIT = 10**6


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TlsConfig(_Strict):
    ca: Path
    cert: Path
    key: Path


class EtcdConfig(_Strict):
    """Endpoints in order of preference: own site first."""

    endpoints: list[str] = Field(min_length=1)
    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _files_go_together(self) -> Self:
        given = [path is not None for path in (self.ca, self.cert, self.key)]
        if any(given) and not all(given):
            raise ValueError("ca, cert and key go together: state all three or none")
        return self


class InstrumentConfig(_Strict):
    """Prices and tick in 1/10,000 of the currency unit."""

    symbol: str = Field(min_length=1, max_length=16, pattern=r"^[\x20-\x7e]+$")
    tick: int = Field(ge=1, le=PRICE_LIMIT)
    max_quantity: int = Field(ge=1, le=QUANTITY_LIMIT)
    min_price: int = Field(ge=0, le=PRICE_LIMIT)
    max_price: int = Field(ge=0, le=PRICE_LIMIT)


class CoreConfig(_Strict):
    id: str = Field(min_length=1, max_length=64)
    kind: Literal["main", "minimal"]
    takeover: Literal["automatic", "manual"]


class Config(_Strict):
    """`listen` is where gateways connect, `advertise` what they are told; `lease_s` the lease of the leader key."""

    cell: str = Field(min_length=1, max_length=32, pattern=r"^[A-Za-z0-9_-]+$")
    core_id: str = Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$")
    kind: Literal["main"]
    takeover: Literal["automatic", "manual"]
    lease_s: int = Field(ge=1, le=60)
    generation: int = Field(default=1, ge=1, lt=2**32)
    listen: Address
    advertise: Address
    metrics: Address | None = None
    etcd: EtcdConfig
    tls: TlsConfig | None
    revision: int = Field(ge=1, lt=2**32)
    max_age_ms: int = Field(ge=1, lt=2**32)
    instruments: list[InstrumentConfig] = Field(max_length=1000)
    state_dir: Path
    same_city_journal_members: list[str] = []
    site: str = ""
    city: str = ""
    cores: list[CoreConfig] = []

    @field_validator("instruments")
    @classmethod
    def _symbols_are_unique(cls, instruments: list[InstrumentConfig]) -> list[InstrumentConfig]:
        symbols = [instrument.symbol for instrument in instruments]
        doubled = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if doubled:
            raise ValueError(f"symbols stated twice: {', '.join(doubled)}")
        return instruments

    @model_validator(mode="after")
    def _clear_text_stays_on_loopback(self) -> Self:
        host = split_address(self.listen)[0]
        if self.tls is None and not ip_address(host).is_loopback:
            raise ValueError(f"listen {self.listen}: without tls only a loopback address is allowed")
        return self

    @property
    def host(self) -> str:
        """The host's name: what stands before the / of the core id."""
        return self.core_id.partition("/")[0]


def split_address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def load(path: Path) -> Config:
    """Raises ConfigurationError with every mistake of the file."""
    try:
        return Config.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        mistakes = "; ".join(
            f"{'.'.join(str(part) for part in mistake['loc']) or 'file'}: {mistake['msg']}"
            for mistake in error.errors()
        )
        raise ConfigurationError(f"{path}: {mistakes}") from error
