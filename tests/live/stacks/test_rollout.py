"""A change of three hosts at two sites goes to a canary first: primary-1 leads a cell, dr-1 has the fewest to lose."""

from __future__ import annotations

import pytest

from tests.live.stacks.clone import FOLDER, SERVICE, Clone

pytestmark = pytest.mark.long

_HOSTS = ("dr-1", "primary-1", "primary-2")
_SITES = ("primary", "dr")
_GOOD, _BAD = "/usr/bin/sleep infinity", "/usr/bin/false"


def _versions(clone: Clone) -> dict[str, str]:
    return {host: clone.on(host, f"cat {FOLDER}/first {FOLDER}/second") for host in _HOSTS}


@pytest.fixture
def served(clone: Clone) -> Clone:
    """The clone with two sites up, version 1 of the role, its service running."""
    clone.declare({})
    clone.set_role("1", service=_GOOD)
    assert all(outcome["ok"] for outcome in clone.up_at(*_SITES).values())
    return clone


def test_a_change_goes_to_the_canary_and_then_to_the_others(served: Clone) -> None:
    served.set_role("2", service=f"{_GOOD} 1d")
    outcomes = served.up_at(*_SITES)
    written = {host: float(served.on(host, f"stat -c %.Y {FOLDER}/second")) for host in _HOSTS}

    assert _versions(served) == dict.fromkeys(_HOSTS, "22")
    assert min(written, key=lambda host: written[host]) == "dr-1"
    assert "base: canary: dr-1 (x86_64)" in outcomes["dr"]["messages"]
    assert any(line.startswith("base: health: dr-1: well") for line in outcomes["dr"]["messages"])
    assert not any("canary" in line for line in outcomes["primary"]["messages"])
    assert all(set(outcome["changes"]) == {"same"} for outcome in served.up_at(*_SITES).values())


@pytest.mark.parametrize(
    ("service", "fails", "reason"),
    [(_BAD, False, f"{SERVICE} has failed"), (_GOOD, True, "marker : Fail: there is no space left in version 3")],
    ids=["unwell", "failing"],
)
def test_a_canary_that_is_not_well_is_undone_and_no_other_host_is_touched(
    served: Clone, service: str, fails: bool, reason: str
) -> None:
    served.set_role("3", service=service, fails=fails)
    outcomes = served.up_at(*_SITES, check=False)
    versions, state = _versions(served), served.on("dr-1", f"systemctl is-active {SERVICE}")
    untouched = [served.on(host, f"systemctl show -P NRestarts {SERVICE}") for host in _HOSTS[1:]]
    served.set_role("1", service=_GOOD)
    again = served.up_at(*_SITES)

    assert versions == dict.fromkeys(_HOSTS, "11")
    assert state.strip() == "active"
    assert [text.strip() for text in untouched] == ["0", "0"]
    assert f"dr-1: canary failed: {reason}" in outcomes["dr"]["errors"][0]
    assert "rolled back to what it had" in outcomes["dr"]["errors"][0]
    assert "a site with canaries failed" in outcomes["primary"]["errors"][0]
    assert not any("tasks changed" in line for outcome in again.values() for line in outcome["messages"])


def test_within_a_site_the_host_that_leads_is_not_the_canary(served: Clone) -> None:
    served.set_role("4", service=_GOOD, fails=True)
    outcome = served.up("primary", check=False)
    versions = _versions(served)
    served.set_role("1", service=_GOOD)
    served.up("primary")

    assert "primary-2: canary failed" in outcome["errors"][0]
    assert "not touched: primary-1" in outcome["errors"][0]
    assert versions == dict.fromkeys(_HOSTS, "11")
