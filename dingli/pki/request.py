"""What the environment says a host's certificate must be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dingli.pki.exceptions import PkiError

__all__ = ["CertificateRequest", "Usage"]


class Usage(StrEnum):
    """What a certificate may be used for, in the words of X.509."""

    SERVER = "serverAuth"
    CLIENT = "clientAuth"


@dataclass(frozen=True)
class CertificateRequest:
    """A certificate as declared; nothing but the public key is taken from the request that a host sends.

    `sans` are addresses or DNS names without a prefix.
    """

    name: str
    cn: str
    sans: tuple[str, ...]
    usages: tuple[Usage, ...]

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> CertificateRequest:
        """From an item of `dingli_certificates`; raises PkiError for an unknown usage or a missing key."""
        try:
            usages = tuple(Usage(word if word.endswith("Auth") else f"{word}Auth") for word in plain["usages"])
            return cls(plain["name"], plain["cn"], tuple(plain["sans"]), usages)
        except (KeyError, ValueError) as error:
            raise PkiError(
                f"certificate {plain.get('name', plain)!r} is declared with {error}",
                expected="name, cn, sans, and usages of serverAuth and clientAuth",
            ) from error
