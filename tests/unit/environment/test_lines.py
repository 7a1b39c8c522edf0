"""What follows from declared lines: gateways, certificates, flows, and what a gateway forwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dingli.environment import Environment, Protocol, load
from dingli.environment.certificates import certificates
from dingli.environment.inventory import groups
from dingli.environment.lines import ipsec_gateways, ipsec_variables, overlay_routes, site_lines
from dingli.network import flows, host_rules, security_group_inputs
from dingli.stacks.variables import host_variables
from infra.providers.deployment.declared import scopes
from infra.providers.industry.declared import forwarding_inputs
from infra.providers.industry.rules import check_rules

BASE = Path(__file__).with_name("base.yaml")


def joined(folder: Path, *gateways: str, **keys: Any) -> Environment:
    """The base with two lines between these hosts."""
    data = yaml.load(BASE.read_text(), Loader=yaml.BaseLoader)
    lines = [{"gateways": [*gateways], "first": ["192.0.2.1", "192.0.2.2"], "second": ["192.0.2.5", "192.0.2.6"]}]
    data = {**yaml.safe_load(BASE.read_text()), "power": data["power"], "lines": lines, **keys}
    file = folder / "base.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return load(file)


def on_a_cloud(folder: Path) -> Environment:
    """Two lines to the far site, which is made of two instances: c, where they end, and d, with core and gateway."""
    data = yaml.safe_load(BASE.read_text())
    beside = {"site": "far", "address": "10.3.0.12", "arch": "aarch64", "os": "debian-12"}
    c = data["hosts"]["c"] | {"address": "10.3.0.11"}
    c.pop("power")
    cloud = {"region": "cn-north-1", "endpoint": "https://cloud.example"}
    cell = data["cells"]["metals"]
    cell["cores"][2]["host"] = "d"
    cell["gateways"].append("d")
    far = data["sites"]["far"] | {"hosting": "industry", "cloud": cloud}
    hosts, sites = data["hosts"] | {"c": c, "d": beside}, data["sites"] | {"far": far}
    return joined(folder, "a", "c", hosts=hosts, sites=sites, cells=data["cells"], owner="trading")


@pytest.fixture
def lined(tmp_path: Path) -> Environment:
    """Two lines between the base's first site and the far one."""
    return joined(tmp_path, "a", "c")


def test_gateways_and_their_certificates_follow_from_the_lines(lined: Environment) -> None:
    assert ipsec_gateways(lined) == groups(lined)["ipsec"] == ("a", "c")
    (own,) = (one for one in certificates(lined, "a") if one.name == "ipsec")
    assert (own.cn, own.sans) == ("ipsec-a", ("a", "10.1.0.1", "192.0.2.1", "192.0.2.5"))
    assert not any(one.name == "ipsec" for one in certificates(lined, "b"))
    assert [line.name for line in site_lines(lined)] == ["one--far--1", "one--far--2"]


def test_the_ops_site_may_have_lines_where_controllers_are_elsewhere(tmp_path: Path) -> None:
    elsewhere = joined(tmp_path, "a", "o", network={"controllers": ["192.0.2.64/28"]})
    assert ipsec_gateways(elsewhere) == ("a", "o")


def test_both_ends_know_a_line_by_the_same_name_and_one_of_them_calls(lined: Environment) -> None:
    here, there = (ipsec_variables(lined, host) for host in ("a", "c"))
    assert [line["name"] for line in here["lines"]] == [line["name"] for line in there["lines"]]
    assert [(line["calls"], far["calls"]) for line, far in zip(here["lines"], there["lines"], strict=True)] == [
        (True, False)
    ] * 2
    assert (here["protected"], there["protected"]) == (["10.3.0.0/16"], ["10.1.0.0/16"])
    assert ipsec_variables(lined, "b") == {}


def test_ike_and_ipsec_flow_between_the_ends_of_each_line_and_nowhere_else(lined: Environment) -> None:
    found = {
        (flow.protocol, flow.port, str(source.network), str(destination.network))
        for flow in flows(lined)
        if flow.service.startswith(("IKE", "IPsec"))
        for source, destination in flow.pairs()
    }
    ends = [("192.0.2.1/32", "192.0.2.2/32"), ("192.0.2.5/32", "192.0.2.6/32")]
    kinds = [(Protocol.UDP, 500), (Protocol.UDP, 4500), (Protocol.ESP, 0)]
    assert found == {(*kind, *pair) for kind in kinds for end in ends for pair in (end, end[::-1])}


def test_only_gateways_forward_and_only_between_their_sites(lined: Environment) -> None:
    assert [tuple(map(str, pair)) for pair in host_rules(lined, "a").forwarded] == [("10.1.0.0/16", "10.3.0.0/16")]
    assert host_rules(lined, "b").forwarded == ()


def test_without_lines_nobody_is_told_of_any(lined: Environment) -> None:
    without = lined.model_copy(update={"lines": ()})
    for host in without.hosts:
        told = host_variables(without, host)
        assert "dingli_ipsec" not in told
        assert "forward" not in told["dingli_firewall"]
        assert not any("own" in rule for rule in told["dingli_firewall"]["inbound"])
    assert {"dingli_ipsec", "forward"} <= {*host_variables(lined, "a"), *host_variables(lined, "a")["dingli_firewall"]}
    assert host_variables(lined, "b") == host_variables(without, "b"), "a host that is no gateway"
    assert not [scope for site in without.sites for scope in scopes(without, site) if scope.group == "ipsec"]
    assert [scope.hosts for scope in scopes(lined, "far") if scope.group == "ipsec"] == [["c"]]


def test_a_gateway_s_security_group_lets_its_lines_through_and_its_site_s_packets_and_none_of_others_in_clear(
    tmp_path: Path,
) -> None:
    for rules in security_group_inputs(on_a_cloud(tmp_path), "c").values():
        assert check_rules(rules) is None
        for kind in (("50", None), ("udp", 500), ("udp", 4500)):
            of_kind = {rule["peer"] for rule in rules if (rule["protocol"], rule.get("from_port")) == kind}
            assert of_kind == {"192.0.2.1/32", "192.0.2.5/32"}, "of the other ends"
        assert {rule["peer"] for rule in rules if rule["protocol"] == "all"} == {"10.3.0.0/16"}


def test_a_machine_beside_the_gateway_takes_what_comes_with_addresses_of_other_sites(tmp_path: Path) -> None:
    """What a gateway hands over has its sender's address, and what is to go through lines that of who is to get it."""
    environment = on_a_cloud(tmp_path)
    rules, ports = security_group_inputs(environment, "d"), environment.cells["metals"].ports
    own, near = (str(environment.hosts[host].address) for host in ("d", "a"))
    for flow in flows(environment):
        for source, destination in flow.pairs():
            tried = {"protocol": flow.protocol.value, "from_port": flow.port, "to_port": flow.port}
            if str(destination.network) == f"{own}/32":
                assert tried | {"peer": str(source.network)} in rules["ingress"], flow
            if str(source.network) == f"{own}/32" and not destination.is_outside:
                assert tried | {"peer": str(destination.network)} in rules["egress"], flow
    assert {"protocol": "tcp", "from_port": ports.core, "to_port": ports.core, "peer": f"{near}/32"} in rules["ingress"]
    assert not [rule for way in rules.values() for rule in way if rule["protocol"] in ("all", "50")]


def test_an_instance_carries_its_addresses_on_lines_and_its_network_sends_to_it(
    lined: Environment, tmp_path: Path
) -> None:
    cloud = on_a_cloud(tmp_path)
    assert ipsec_variables(cloud, "c")["addresses"] == ["192.0.2.2", "192.0.2.6"]
    assert "addresses" not in {**ipsec_variables(cloud, "a"), **ipsec_variables(lined, "c")}, "of racks"
    assert {name: str(to) for name, to in overlay_routes(cloud, "c")} == {
        "line-192.0.2.2": "192.0.2.2/32",
        "line-192.0.2.6": "192.0.2.6/32",
        "to-one": "10.1.0.0/16",
    }
    assert overlay_routes(cloud, "d") == ()
    assert (forwarding_inputs(cloud, "c"), forwarding_inputs(cloud, "d")) == ({"source_dest_check": False}, {})
