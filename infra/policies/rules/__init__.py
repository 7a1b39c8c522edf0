"""The rules, one file each. What they say, and why, is a table in docs/policies.md."""

from __future__ import annotations

from infra.policies.rule import Rule
from infra.policies.rules.encryption import ENCRYPTED
from infra.policies.rules.keeping import LOCKED
from infra.policies.rules.ownership import OWNED
from infra.policies.rules.placement import PLACED
from infra.policies.rules.ssh import NO_OPEN_SSH

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (PLACED, NO_OPEN_SSH, ENCRYPTED, LOCKED, OWNED)
