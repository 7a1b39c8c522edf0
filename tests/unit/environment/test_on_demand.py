"""A site on demand: what is there of it, and that nobody who runs already is told anything else when it is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from dingli.environment import Environment, load
from dingli.environment.readiness import CALLED, called_sites, record_call, standing
from dingli.environment.witnesses import witness_hosts
from dingli.monitoring.targets import targets
from dingli.network import flows, host_rules
from dingli.stacks.variables import cell_variables, common_variables, host_variables
from infra.providers.deployment.declared import deployment_inputs, scopes
from infra.providers.deployment.digest import desired
from infra.providers.industry.declared import group_inputs
from tests.unit.environment.on_demand import data, environment
from tests.unit.environment.test_mistakes import written

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for part in (one for one in ROOT.iterdir() if not one.name.startswith(".")):
        (root / part.name).symlink_to(part)
    built = ROOT / ".dingli" / "lab" / "build"  # by what they are made of: other tests need the same programs
    built.mkdir(parents=True, exist_ok=True)
    (root / ".dingli" / "base").mkdir(parents=True)
    (root / ".dingli" / "base" / "build").symlink_to(built)
    monkeypatch.setenv("DINGLI_ROOT", str(root))


@pytest.fixture
def away(tmp_path: Path) -> Environment:
    return environment(tmp_path)


@pytest.fixture
def there(away: Environment) -> Environment:
    return standing(away, ["far"])


def test_only_the_journal_s_member_of_the_site_is_there(away: Environment) -> None:
    cell = away.cells["metals"]

    assert list(away.hosts) == ["a", "b", "c", "o"]
    assert [core.core_id for core in cell.cores] == ["a/main", "b/minimal"]
    assert cell.gateways == cell.running_gateways == ("a", "b")
    assert {target.labels["host"] for target in targets(away)} == {"a", "b", "c", "o"}
    assert [scope.name for scope in scopes(away, "far")] == ["base", "journal"]


def test_a_called_site_is_as_it_is_declared(away: Environment, there: Environment) -> None:
    assert there == away.declared
    assert list(there.hosts) == ["a", "b", "c", "o", "d"]
    assert {target.labels["host"] for target in targets(there)} == {"a", "b", "c", "o", "d"}
    assert [scope.name for scope in scopes(there, "far")] == ["base", "journal", "core-metals", "gateway-metals"]


def test_a_warm_site_has_everything(tmp_path: Path) -> None:
    warm = environment(tmp_path, sites__far__readiness="warm")

    assert warm.declared is warm
    assert "d" in warm.hosts


def test_of_declared_gateways_those_run_that_would_if_the_site_were_called(tmp_path: Path) -> None:
    away = environment(tmp_path, cells__metals__gateways_running=2)

    assert away.cells["metals"].gateways == ("a", "b")
    assert away.cells["metals"].running_gateways == ("a",)
    assert standing(away, ["far"]).cells["metals"].running_gateways == ("a", "d")


def test_a_call_changes_nothing_for_hosts_that_run_but_what_operations_watch(
    away: Environment, there: Environment
) -> None:
    changed = {
        (scope.name, host)
        for site in away.sites
        for scope in scopes(away, site)
        for host, total in desired(deployment_inputs(scope, dict.fromkeys(scope.hosts, "a" * 32))).items()
        if total != _desired(there, site, scope.name)[host]
    }

    assert changed == {("ops", "o")}
    assert common_variables(away) == common_variables(there)
    assert cell_variables(away, "metals") == cell_variables(there, "metals")


def _desired(environment: Environment, site: str, name: str) -> dict[str, str]:
    (scope,) = [one for one in scopes(environment, site) if one.name == name]
    return desired(deployment_inputs(scope, dict.fromkeys(scope.hosts, "a" * 32)))


def test_packet_filters_and_security_groups_let_the_machines_in_before_they_are_there(
    away: Environment, there: Environment
) -> None:
    for host in away.hosts:
        assert host_rules(away, host) == host_rules(there, host)
        assert group_inputs(away, host) == group_inputs(there, host)
    assert "d" not in {party.name for flow in flows(away) for pair in flow.pairs() for party in pair}


def test_cores_know_of_all_that_are_declared_and_load_goes_where_a_gateway_is(
    away: Environment, there: Environment
) -> None:
    (core,) = host_variables(away, "a")["dingli_core"]

    assert [one["id"] for one in core["cores"]] == ["a/main", "b/minimal", "d/main"]
    for now, gateways in ((away, ["a", "b"]), (there, ["a", "d", "b"])):
        (load_of_cell,) = host_variables(now, "o")["dingli_load"]
        assert [one["name"] for one in load_of_cell["gateways"]] == gateways


def test_a_host_that_comes_and_goes_is_no_witness(tmp_path: Path) -> None:
    declared = data()
    declared["hosts"] = {name: declared["hosts"][name] for name in ("d", "c", "b", "a", "o")}
    away = load(written(declared, tmp_path))

    assert witness_hosts(away) == witness_hosts(standing(away, ["far"])) == ("b", "c")


def test_the_record_says_which_sites_are_called_until_it_says_otherwise(tmp_path: Path) -> None:
    assert called_sites("base") == ()
    record_call("base", ["far"])
    assert called_sites("base") == ("far",)
    assert "d" in environment(tmp_path).hosts

    record_call("base", [])
    assert called_sites("base") == ()
    assert "d" not in environment(tmp_path).hosts


def test_a_preview_counts_in_place_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record_call("base", ["far"])
    monkeypatch.setenv(CALLED, "")

    assert "d" not in environment(tmp_path).hosts


def test_a_flow_of_a_host_that_is_not_there_now_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    extra = {"source": "d", "destination": "192.0.2.0/24", "port": 443, "why": "a backup"}
    away = environment(tmp_path, network={"also": [extra]})
    assert [flow for flow in flows(away) if flow.service == "also"] == []
    (flow,) = (flow for flow in flows(standing(away, ["far"])) if flow.service == "also")
    assert [party.name for party in flow.sources] == ["d"]
