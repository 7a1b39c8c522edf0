"""The packet filter's module: what it compares, what it replaces, and that nobody is locked out for long."""

from __future__ import annotations

from typing import Any

import pytest

from .firewall_host import on_a_host

pytestmark = pytest.mark.slow

UNIT = "[Service]\n"


def rules(port: int) -> str:
    return f"""table inet dingli
delete table inet dingli
table inet dingli {{
  chain input {{
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    ip saddr 127.0.0.1 tcp dport {port} accept
  }}
}}
"""


def module(port: int = 22, *, check: bool = False, text: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "module": {"rules": text or rules(port), "unit": UNIT, "revert_after_s": 60, **more},
        "check": check,
    }


CONFIRM = module(confirm=True)
LISTED: dict[str, Any] = {"shell": "nft list ruleset"}


def test_a_second_run_changes_nothing() -> None:
    first, confirmed, second, kept = on_a_host(module(), CONFIRM, module(), {"shell": 'cat "$FOLDER/firewall.nft"'})
    assert first["changed"]
    assert first["pending"]
    assert confirmed["changed"] is False
    assert (second["changed"], second["pending"]) == (False, False)
    assert kept == rules(22)


def test_check_mode_says_what_a_run_then_does_and_does_nothing() -> None:
    predicted, listed, done, _, again = on_a_host(
        module(check=True), LISTED, module(), CONFIRM, module(port=23, check=True)
    )
    assert listed == ""
    assert [change.removeprefix("would ") for change in predicted["changes"]] == done["changes"]
    assert again["changes"] == ["would load the packet filter"]


@pytest.mark.parametrize(
    "damage",
    [
        "nft flush ruleset",
        "nft add rule inet dingli input accept",
        "nft 'add chain inet dingli input { policy accept; }'",
        'echo "# longer" >> "$FOLDER/firewall.nft"',
        'rm "$STATE/enabled"; touch "$STATE/enabled"',
        "rm /etc/systemd/system/dingli-firewall.service",
    ],
)
def test_what_was_changed_by_hand_is_noticed_and_repaired(damage: str) -> None:
    _, _, _, seen, _, _, healed = on_a_host(
        module(), CONFIRM, {"shell": damage}, module(check=True), module(), CONFIRM, module(check=True)
    )
    assert seen["changed"], damage
    assert healed["changed"] is False


def test_rules_that_are_not_confirmed_are_taken_back() -> None:
    """The first time to none at all, later to those that were confirmed last; and then nothing can be confirmed."""
    wait = {"shell": "for i in $(seq 300); do [ -e $STATE/timer ] || break; sleep 0.1; done; nft list ruleset"}
    first, none, late, _, _, _, second, back = on_a_host(
        module(revert_after_s=4), wait, CONFIRM, module(), CONFIRM, LISTED, module(port=23, revert_after_s=4), wait
    )
    assert first["pending"]
    assert none == ""
    assert "taken back before they were confirmed" in late["msg"]
    assert second["pending"]
    assert "dport 22 accept" in back
    assert "dport 23" not in back


def test_confirmed_rules_stay() -> None:
    _, _, timer, listed = on_a_host(
        module(revert_after_s=8), CONFIRM, {"shell": "sleep 9; ls $STATE/timer 2>&1"}, LISTED
    )
    assert "No such file" in timer
    assert "dport 22 accept" in listed


def test_rules_that_cannot_be_loaded_leave_those_in_force_alone() -> None:
    broken, _, _, listed = on_a_host(
        module(text="table inet dingli { nonsense }"), module(), module(text="table inet dingli { nonsense }"), LISTED
    )
    assert broken["failed"]
    assert "cannot be loaded" in broken["msg"]
    assert "dport 22 accept" in listed


def test_other_tables_are_left_alone() -> None:
    *_, listed = on_a_host({"shell": "nft add table ip theirs"}, module(), CONFIRM, module(port=23), CONFIRM, LISTED)
    assert "table ip theirs" in listed
