"""What follows from declared lines: gateways, certificates, flows, and what a gateway forwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from dingli.environment import Environment, Protocol, load
from dingli.environment.certificates import certificates
from dingli.environment.inventory import groups
from dingli.environment.lines import ipsec_gateways, ipsec_variables, site_lines
from dingli.network import flows, host_rules, security_group_inputs
from dingli.stacks.variables import host_variables
from infra.providers.deployment.declared import scopes
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


def test_a_clouds_security_group_lets_lines_through(lined: Environment) -> None:
    groups_of_a = security_group_inputs(lined, "a")
    for rules in groups_of_a.values():
        assert check_rules(rules) is None
        assert {"192.0.2.2/32", "192.0.2.6/32"} <= {rule["peer"] for rule in rules if rule["protocol"] == "50"}
        assert {"10.1.0.0/16", "10.3.0.0/16"} == {rule["peer"] for rule in rules if rule["protocol"] == "all"}
