"""The thresholds and lists that verdicts are measured against, apart from the code that measures."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

FILE = Path(__file__).with_name("policy.yaml")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GuideValues(_Frozen):
    """Numbers of an assessor's guide; a test keeps them equal to the catalogue's."""

    password_max_days: int
    lock_after_failures: int
    unlock_seconds: int
    idle_timeout_seconds: int
    log_retention_months: int


class SshAlgorithms(_Frozen):
    """What may be offered, by the names that `sshd -T` uses for the four lists."""

    ciphers: frozenset[str]
    macs: frozenset[str]
    kexalgorithms: frozenset[str]
    hostkeyalgorithms: frozenset[str]

    def allowed(self) -> dict[str, frozenset[str]]:
        return {
            "ciphers": self.ciphers,
            "macs": self.macs,
            "kexalgorithms": self.kexalgorithms,
            "hostkeyalgorithms": self.hostkeyalgorithms,
        }


class Administrators(_Frozen):
    """The accounts of the three administrators that level 3 keeps apart."""

    system: str
    security: str
    audit: str


class PlatformPort(_Frozen):
    """A port of the operating system or of the platform, and at which roles of sites it may listen."""

    port: int
    protocol: str
    what: str
    site_roles: frozenset[str] = frozenset({"primary", "standby", "dr", "ops"})


class TlsRules(_Frozen):
    """Versions that may be agreed; words that may stand in no suite's name; words of the national algorithms."""

    versions: frozenset[str]
    no_integrity: tuple[str, ...]
    no_confidentiality: tuple[str, ...]
    national: tuple[str, ...]


class FileRule(_Frozen):
    """The most that a file's mode may grant, and whose it is."""

    mode: str
    owners: frozenset[str]


class Policy(_Frozen):
    """Everything a judgement may depend on besides the evidence."""

    guide: GuideValues
    login_grace_seconds: int
    max_auth_tries: int
    default_accounts: frozenset[str]
    first_person_uid: int
    clear_text_ports: dict[int, str]
    ssh: SshAlgorithms
    interactive_accounts: dict[str, str]
    administrators: Administrators
    platform_ports: tuple[PlatformPort, ...]
    unwanted_packages: tuple[str, ...]
    unwanted_units: tuple[str, ...]
    malware_units: tuple[str, ...]
    set_user_id: frozenset[str]
    files: dict[str, FileRule]
    password_hashes: frozenset[str]
    audit_rule_keys: dict[str, tuple[str, ...]]
    clock_offset_s: float
    log_port: int
    log_shipper: str
    log_silence_s: float
    integrity_scan_days: int
    supported_until: dict[str, date]
    tls: TlsRules
    certificate_days: int
    logon_silence_s: float


@cache
def load() -> Policy:
    """The policy that is part of this package."""
    return Policy.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
