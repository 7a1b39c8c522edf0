"""Security groups say what the packet filters say."""

from __future__ import annotations

import re
from ipaddress import IPv4Network

from dingli.environment import Environment
from dingli.network import host_rules, security_group_inputs, security_group_rules
from infra.providers.industry.rules import check_rules

_MOST_RULES = 60  # of a group in one direction, unless the cloud was asked for more


def test_a_group_has_every_rule_of_the_packet_filter_once(lab: Environment, other: Environment) -> None:
    for environment in (lab, other):
        for host in environment.hosts:
            rules, found = host_rules(environment, host), security_group_rules(environment, host)
            for direction, ours in (("ingress", rules.inbound), ("egress", rules.outbound)):
                theirs = {
                    (one["protocol"], one["from_port"], one["to_port"], IPv4Network(one["cidr"]))
                    for one in found
                    if one["direction"] == direction and one["protocol"] != "icmp"
                }
                assert theirs == {(one.protocol.value, one.port, one.port, peer) for one in ours for peer in one.peers}
            keys = [tuple(one[key] for key in ("protocol", "from_port", "cidr", "direction")) for one in found]
            assert len(keys) == len(set(keys)), "the cloud refuses a rule a second time"


def test_a_group_is_what_the_cloud_takes(lab: Environment) -> None:
    for host in lab.hosts:
        found = security_group_rules(lab, host)
        for direction in ("ingress", "egress"):
            assert sum(one["direction"] == direction for one in found) <= _MOST_RULES
        for one in found:
            assert set(one) == {"protocol", "from_port", "to_port", "cidr", "direction", "description"}
            assert re.fullmatch(r"[A-Za-z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}", one["description"])
            assert one["cidr"] != "0.0.0.0/0"


def test_ping_is_the_controllers(lab: Environment) -> None:
    found = [one for one in security_group_rules(lab, "dr-1") if one["protocol"] == "icmp"]
    assert [(one["from_port"], one["to_port"], one["cidr"]) for one in found] == [(8, -1, "198.18.255.253/32")]


def test_the_provider_of_clouds_finds_no_mistake_in_a_group(lab: Environment, other: Environment) -> None:
    for environment in (lab, other):
        for host in environment.hosts:
            inputs = security_group_inputs(environment, host)
            assert {name: check_rules(rules) for name, rules in inputs.items()} == {"ingress": None, "egress": None}
            assert len(inputs["ingress"]) + len(inputs["egress"]) == len(security_group_rules(environment, host))
