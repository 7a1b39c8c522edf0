"""What is wrong with a host, by what the lab's hosts once answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dingli.environment import load
from dingli.rollout.health import Subject, Units, complaints, parse_units
from tests.unit.status import observed

_ALPHA_CORE, _ALPHA_GATEWAY = Subject("core", "alpha"), Subject("gateway", "alpha")
_QUIET = Units()


def _wrong(subject: Subject, host: str, seen: observed.Seen | None = None, units: Units = _QUIET) -> dict[str, str]:
    picture = observed.picture(seen or observed.recorded())
    return dict(complaints(observed.environment(), subject, host, picture, units).complaints)


@pytest.mark.parametrize("host", list(observed.environment().hosts))
def test_nothing_is_wrong_on_a_steady_lab(host: str) -> None:
    assert _wrong(Subject("base"), host) == {}


def test_a_core_that_has_not_caught_up_is_not_well() -> None:
    assert (
        "is starting" in _wrong(_ALPHA_CORE, "dr-1", observed.core_says("dr-1/main", role="starting"))["core of alpha"]
    )
    assert "lags" in _wrong(_ALPHA_CORE, "dr-1", observed.core_says("dr-1/main", lag_ms=60_000))["core of alpha"]
    assert "failed" in _wrong(_ALPHA_CORE, "dr-1", observed.service("dr-1", "failed"))["core of alpha"]


def test_another_host_or_group_is_not_this_ones_affair() -> None:
    seen = observed.core_says("dr-1/main", role="starting")

    assert _wrong(_ALPHA_CORE, "primary-1", seen) == {}
    assert _wrong(_ALPHA_GATEWAY, "dr-1", seen) == {}
    assert set(_wrong(Subject("base"), "dr-1", seen)) == {"core of alpha"}, "base concerns everything on its host"


def test_a_member_of_the_journal_that_is_silent_is_not_well() -> None:
    assert set(_wrong(Subject("journal"), "dr-1", observed.etcd_silent("dr-1"))) == {"journal member"}


def test_a_gateway_that_is_linked_to_no_core_is_not_well() -> None:
    seen = observed.recorded()
    told = replace(seen["dr-1"].gateways["alpha"], linked=False)
    seen["dr-1"] = replace(seen["dr-1"], gateways={"alpha": told})

    assert set(_wrong(_ALPHA_GATEWAY, "dr-1", seen)) == {"gateway of alpha"}
    seen["dr-1"] = replace(seen["dr-1"], gateways={}, failed={"gateway-alpha": "refused\nbash: line 1: 3: bad"})
    assert _wrong(_ALPHA_GATEWAY, "dr-1", seen) == {"gateway of alpha": "gateway of alpha: refused"}


def test_units_and_ports_are_complaints() -> None:
    units = parse_units(
        "failed etcd.service\nfailed dingli-core@beta.service\nunit dingli-core@alpha.service active 12\n"
        "unit dingli-gateway@alpha.service inactive 0\nclosed 7410\nend\n"
    )
    found = complaints(observed.environment(), Subject("base"), "dr-1", observed.picture(observed.recorded()), units)

    assert dict(found.complaints) == {
        "unit etcd.service": "etcd.service has failed",
        "unit dingli-core@beta.service": "dingli-core@beta.service has failed",
        "unit dingli-gateway@alpha.service": "dingli-gateway@alpha.service is inactive",
        "port 7410": "nothing takes connections at 198.18.3.11:7410",
    }
    assert found.processes["dingli-core@alpha.service"] == "12"


def test_another_cells_service_on_the_host_is_not_this_ones_affair() -> None:
    units, picture = parse_units("failed dingli-core@beta.service\nend\n"), observed.picture(observed.recorded())

    assert complaints(load("lab"), _ALPHA_CORE, "dr-1", picture, units).complaints == {}
    assert complaints(load("lab"), Subject("core", "beta"), "dr-1", picture, units).complaints != {}


def test_an_answer_that_was_cut_off_and_no_answer_are_complaints() -> None:
    assert "cut off" in _wrong(_ALPHA_CORE, "dr-1", units=parse_units("unit a active 1\n"))["login"]
