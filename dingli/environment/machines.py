"""What a machine may be, whoever owns it."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Architecture", "OperatingSystem"]


class Architecture(StrEnum):
    """As `uname -m` says it."""

    X86_64 = "x86_64"
    AARCH64 = "aarch64"


class OperatingSystem(StrEnum):
    """The releases that the roles are written for."""

    DEBIAN_12 = "debian-12"
    DEBIAN_13 = "debian-13"
