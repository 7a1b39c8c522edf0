"""The thresholds and lists that verdicts are measured against, apart from the code that measures."""

from __future__ import annotations

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


class Policy(_Frozen):
    """Everything a judgement may depend on besides the evidence."""

    guide: GuideValues
    login_grace_seconds: int
    max_auth_tries: int
    default_accounts: frozenset[str]
    first_person_uid: int
    clear_text_ports: dict[int, str]
    ssh: SshAlgorithms


@cache
def load(file: Path = FILE) -> Policy:
    """The policy in `file`; by default the one that is part of this package."""
    return Policy.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
