"""All rules, in the order of the catalogue."""

from __future__ import annotations

from audit.judgement import (
    account_rights,
    attack_surface,
    boundary,
    default_accounts,
    event_logs,
    file_rights,
    host_protection,
    identity,
    journal_state,
    login_failure,
    remote_management,
    service_access,
    transport,
)
from audit.judgement.rules import ItemRule

__all__ = ["RULES"]


def _place(rule: ItemRule) -> tuple[list[int], str]:
    *numbers, letter = rule.item_id.split(".")
    return [int(number) for number in numbers], letter


RULES: tuple[ItemRule, ...] = tuple(
    sorted(
        (
            identity.RULE,
            login_failure.RULE,
            remote_management.RULE,
            remote_management.FACTORS,
            default_accounts.RULE,
            account_rights.ASSIGNED,
            account_rights.STALE,
            account_rights.SEPARATED,
            file_rights.HOST,
            file_rights.LABELS,
            file_rights.ETCD,
            event_logs.ENABLED,
            event_logs.CONTENT,
            event_logs.KEPT,
            event_logs.UNSTOPPED,
            attack_surface.INSTALLED,
            attack_surface.LISTENING,
            attack_surface.TERMINALS,
            attack_surface.PATCHED,
            host_protection.MALWARE,
            host_protection.TRUSTED,
            host_protection.STORED_WHOLE,
            host_protection.STORED_SECRET,
            host_protection.LEFT_BEHIND,
            *boundary.RULES,
            *transport.RULES,
            *service_access.RULES,
            *journal_state.RULES,
        ),
        key=_place,
    )
)
