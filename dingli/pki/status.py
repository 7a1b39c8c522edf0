"""When what expires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509

from dingli.pki.authority import RENEW_UNDER, open_authority
from dingli.pki.places import Places

__all__ = ["Expiry", "Status", "record_issued", "status"]


@dataclass(frozen=True)
class Expiry:
    """A certificate signed for a host, and the moment after which it is worthless."""

    host: str
    name: str
    expires: datetime

    def renewal_due(self, now: datetime) -> bool:
        return self.expires - now < RENEW_UNDER


@dataclass(frozen=True)
class Status:
    """`certificates` is ordered: the nearest expiry comes first."""

    root_expires: datetime
    intermediate_expires: datetime
    certificates: tuple[Expiry, ...]


def status(places: Places) -> Status:
    """What the controller signed last for every host; raises PkiError if there is no authority."""
    authority = open_authority(places)
    found = [_expiry(path) for path in sorted(places.issued.glob("*/*.crt"))]
    return Status(
        authority.root.not_valid_after_utc,
        authority.certificate.not_valid_after_utc,
        tuple(sorted(found, key=lambda item: item.expires)),
    )


def record_issued(places: Places, host: str, name: str, chain_pem: str) -> None:
    """Keep a copy of a signed certificate, for `status`."""
    path = places.issued / host / f"{name}.crt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(chain_pem)


def _expiry(path: Path) -> Expiry:
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    return Expiry(path.parent.name, path.stem, certificate.not_valid_after_utc)
