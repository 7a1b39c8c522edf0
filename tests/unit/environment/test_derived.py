"""What is derived from an environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dingli.environment import Environment, load
from dingli.environment.certificates import certificates
from dingli.environment.etcd import client_endpoints, initial_cluster, same_city_members
from dingli.environment.inventory import groups, inventory
from dingli.environment.logs import logs_host, logs_variables
from dingli.environment.services import core_configuration, gateway_configuration
from dingli.environment.witnesses import witness_hosts
from dingli.network import flows
from dingli.stacks.variables import common_variables, host_variables


@pytest.fixture(scope="module")
def lab() -> Environment:
    return load(Path(__file__).resolve().parents[3] / "stacks" / "environments" / "lab.yaml")


def test_members_are_named_like_their_hosts(lab: Environment) -> None:
    assert initial_cluster(lab) == (
        "primary-1=https://198.18.1.11:2380,standby-1=https://198.18.2.11:2380,dr-1=https://198.18.3.11:2380"
    )


@pytest.mark.parametrize(
    ("host", "order"),
    [
        ("primary-2", ["198.18.1.11", "198.18.2.11", "198.18.3.11"]),
        ("standby-2", ["198.18.2.11", "198.18.1.11", "198.18.3.11"]),
        ("dr-1", ["198.18.3.11", "198.18.1.11", "198.18.2.11"]),
    ],
)
def test_endpoints_begin_with_the_own_site_then_the_city(lab: Environment, host: str, order: list[str]) -> None:
    assert client_endpoints(lab, host) == tuple(f"https://{address}:2379" for address in order)


def test_same_city_members_are_at_other_sites(lab: Environment) -> None:
    assert same_city_members(lab, "primary-1") == ("standby-1",)
    assert same_city_members(lab, "dr-1") == ()


def test_certificates_are_those_of_what_runs_there(lab: Environment) -> None:
    found = {item.name: item for item in certificates(lab, "standby-1")}
    alpha = {"core-alpha", "core-alpha-etcd", "gateway-alpha", "fix-alpha"}
    assert set(found) == {"etcd", *alpha, "core-beta", "gateway-beta", "fix-beta", "node", "log", "ipsec"}
    assert set(found["core-beta"].usages) == {"serverAuth", "clientAuth"}, "a main core's, beside a minimal one's"
    assert found["etcd"].cn == "etcd-standby-1"
    assert set(found["etcd"].usages) == {"serverAuth", "clientAuth"}
    assert found["core-alpha-etcd"].cn == "", "etcd's JSON gateway refuses a certificate that has a CN"
    assert found["core-alpha"].usages == ("serverAuth",), "gateways know a core by it; etcd must not"
    assert found["gateway-alpha"].usages == ("clientAuth",)
    assert {item.name: item.cn for item in certificates(lab, "primary-1")}["core-alpha"] == "core-alpha"
    assert {item.name: item.cn for item in certificates(lab, "ops-1") if not item.name.startswith("log")} == {
        "node": "node-ops-1", "monitor": "monitor"
    }  # fmt: skip


def test_every_host_has_a_name_of_its_own_for_its_logs_and_ops_has_the_servers_too(lab: Environment) -> None:
    found = {host: {item.name: item for item in certificates(lab, host)} for host in lab.hosts}
    assert {host: items["log"].cn for host, items in found.items()} == {host: f"log-{host}" for host in lab.hosts}
    assert {items["log"].usages for items in found.values()} == {("clientAuth",)}
    assert [host for host, items in found.items() if "logserver" in items] == ["ops-1"]
    assert found["ops-1"]["logserver"].usages == ("serverAuth",)
    assert found["ops-1"]["logserver"].owner != found["ops-1"]["log"].owner, (
        "what is sent could be altered by the sender"
    )


def test_central_logs_stand_at_ops_unless_a_host_is_named(lab: Environment) -> None:
    assert logs_host(lab) == "ops-1"
    assert logs_variables(lab) == {
        "host": "ops-1",
        "address": "198.18.9.11",
        "port": 6514,
        "keep_days": 180,
        "senders": {f"log-{host}": host for host in lab.hosts},
    }
    without_ops = lab.model_copy(update={"hosts": {name: lab.hosts[name] for name in lab.hosts if name != "ops-1"}})
    assert logs_host(without_ops) is None
    assert logs_variables(without_ops) == {}


def test_a_main_core_has_no_password_and_a_minimal_one_has(lab: Environment) -> None:
    assert "user" not in core_configuration(lab, "alpha", "primary-1")["etcd"]
    minimal = core_configuration(lab, "alpha", "standby-2")
    assert minimal["etcd"]["user"] == "minicore-alpha"
    assert minimal["etcd"]["cert"] == "/etc/dingli/pki/core-alpha-etcd.crt"
    assert minimal["tls"]["cert"] == "/etc/dingli/pki/core-alpha.crt"
    assert minimal["core_id"] == "standby-2/minimal"
    assert (minimal["lease_s"], minimal["listen"]) == (20, "198.18.2.12:7400")
    assert minimal["cores"][0] == {"id": "primary-1/main", "kind": "main", "takeover": "automatic"}


def test_one_cell_alone_says_where_the_journals_leader_belongs(lab: Environment) -> None:
    told = {
        (cell.name, core.host): core_configuration(lab, cell.name, core.host)["same_city_journal_members"]
        for cell in lab.cells.values()
        for core in cell.cores
    }
    assert {place for place, members in told.items() if members} == {
        ("alpha", "primary-1"), ("alpha", "standby-1"), ("alpha", "standby-2"),
    }  # fmt: skip


def test_cells_of_one_host_are_configured_apart(lab: Environment) -> None:
    alpha, beta = (core_configuration(lab, cell, "standby-1") for cell in ("alpha", "beta"))
    assert (alpha["core_id"], beta["core_id"]) == ("standby-1/minimal", "standby-1/main")
    for key in ("listen", "metrics", "state_dir", "tls"):
        assert alpha[key] != beta[key]
    assert lab.cells["beta"].home.core_id == "standby-1/main"


def test_a_gateway_is_configured_where_it_is_declared(lab: Environment) -> None:
    found = gateway_configuration(lab, "alpha", "primary-2")
    assert found["fix_listen"] == "198.18.1.12:7410"
    assert found["members_file"] == "/etc/dingli/gateway-alpha-members.json"
    with pytest.raises(KeyError):
        gateway_configuration(lab, "alpha", "primary-1")


def test_groups_say_what_runs_where(lab: Environment) -> None:
    found = groups(lab)
    assert found["journal"] == ("primary-1", "standby-1", "dr-1")
    assert found["core_alpha_minimal"] == ("standby-1", "standby-2")
    assert found["core_beta_main"] == ("standby-1", "dr-1")
    assert found["core"] == ("primary-1", "standby-1", "standby-2", "dr-1", "primary-2")
    assert found["site_ops"] == ("ops-1",)
    assert found["emulated"] == ("standby-2",)
    assert not any("-" in name for name in inventory(lab)["all"]["children"])


def test_witnesses_stand_on_two_sites_and_none_is_emulated_or_at_ops(lab: Environment) -> None:
    assert witness_hosts(lab) == ("standby-1", "dr-1")


def test_a_gateway_that_does_not_run_is_prepared_and_stopped_and_nobody_is_sent_to_it(tmp_path: Path) -> None:
    source = Path(__file__).resolve().parents[3] / "stacks" / "environments" / "lab.yaml"
    gateways = "    gateways: [primary-2, standby-1, dr-1]\n"
    file = tmp_path / "lab.yaml"
    file.write_text(source.read_text().replace(gateways, f"{gateways}    gateways_running: 2\n", 1))
    fewer = load(file)

    assert fewer.cells["alpha"].running_gateways == ("primary-2", "standby-1")
    on_dr = host_variables(fewer, "dr-1")
    assert on_dr["dingli_gateway_stopped"] == ["alpha"]
    assert {one["cell"] for one in on_dr["dingli_gateway"]} == {"alpha", "beta"}, "it is ready to run"
    assert host_variables(fewer, "primary-2")["dingli_gateway_stopped"] == []
    assert common_variables(fewer) == common_variables(load(source)), "every Deployment would be applied again"
    load_alpha = next(one for one in host_variables(fewer, "ops-1")["dingli_load"] if one["cell"] == "alpha")
    assert [one["name"] for one in load_alpha["gateways"]] == ["primary-2", "standby-1"]
    assert flows(fewer) == flows(load(source)), "the filters of every host would change with each step"
