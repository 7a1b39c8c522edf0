"""Flows follow from the environment: whatever a role opens or asks has one, and nothing else has."""

from __future__ import annotations

import random
import re
import tempfile
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.objects import declarations
from dingli.check.links import peers, speakers
from dingli.check.requirements import requirements
from dingli.environment import Environment, Protocol, load
from dingli.network import controllers, flows, host_rules
from dingli.stacks.variables import common_variables, host_variables

from .conftest import ROOT, rendered

_ENDPOINT = re.compile(r"(?<![\d.])(\d+\.\d+\.\d+\.\d+):(\d+)")


def leads(environment: Environment, source: IPv4Address, host: str, port: int) -> bool:
    address = environment.hosts[host].address
    return any(flow.port == port and flow.leads(source, address) for flow in flows(environment))


def endpoints(value: Any) -> Iterator[tuple[IPv4Address, int]]:
    """Every ADDRESS:PORT in a role's variables, and every mapping with an address and a port."""
    if isinstance(value, str):
        yield from ((IPv4Address(address), int(port)) for address, port in _ENDPOINT.findall(value))
    elif isinstance(value, dict):
        for address in (value.get("host"), value.get("address")):
            if isinstance(value.get("port"), int) and re.fullmatch(r"[\d.]+", str(address)):
                yield IPv4Address(address), value["port"]
        for inner in value.values():
            yield from endpoints(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from endpoints(inner)


def asked_by(environment: Environment, host: str) -> set[tuple[IPv4Address, int]]:
    """What the programs of a host are configured to connect to, at other hosts."""
    own = {key: value for key, value in host_variables(environment, host).items() if key != "dingli_firewall"}
    common = common_variables(environment)
    found = set(endpoints(own)) | set(endpoints(common["dingli_logs"]))
    if host in environment.journal.members:
        found |= set(endpoints(common["dingli_journal"]["initial_cluster"]))
    return {(address, port) for address, port in found if address != environment.hosts[host].address}


def assert_complete(environment: Environment) -> None:
    declared = flows(environment)
    for name, host in environment.hosts.items():
        ports = {port.number for port in requirements(environment, name).ports} | {22}
        reachable = {flow.port for flow in declared if any(party.includes(host.address) for party in flow.destinations)}
        alone = {environment.monitoring.node_port}  # of the only ops host: itself is the one that asks
        assert ports - reachable <= alone, f"{name} opens {ports - reachable}, which no flow has"
        for address, port in asked_by(environment, name):
            ways = (flow for flow in declared if flow.port == port and flow.leads(host.address, address))
            assert any(ways), f"{name} asks {address}:{port}, and no flow lets it"


def test_every_port_that_a_role_opens_or_asks_has_a_flow(lab: Environment, other: Environment) -> None:
    assert_complete(lab)
    assert_complete(other)
    assert {port for _, port in asked_by(lab, "primary-1")} == {2379, 2380, 6514}
    assert {port for _, port in asked_by(lab, "ops-1")} == {2379, 7401, 7410, 7411, 7501, 7510, 7511, 9100}


def test_no_flow_has_a_port_that_nothing_opens(lab: Environment) -> None:
    for flow in flows(lab):
        for party in (one for one in flow.destinations if one.name in lab.hosts):
            opened = {port.number for port in requirements(lab, party.name).ports} | {22, 123}
            assert flow.port in opened, flow


def test_ops_hosts_reach_the_cloud_that_gives_its_instances_their_power_back(lab: Environment) -> None:
    (power,) = (flow for flow in flows(lab) if flow.service == "power")
    ends = [(source.name, destination.name) for source, destination in power.pairs()]
    assert (ends, power.port) == ([("ops-1", "198.18.9.1")], 8443)


def test_clocks_ask_the_ops_hosts_but_for_an_emulated_one(lab: Environment) -> None:
    asking = {party.name for flow in flows(lab) if flow.protocol is Protocol.UDP for party, _ in flow.pairs()}
    assert asking == {"primary-1", "primary-2", "standby-1", "dr-1"}
    assert {flow.port for flow in flows(lab) if flow.protocol is Protocol.UDP} == {123}


def test_the_audit_reaches_every_service_from_where_it_is_run(lab: Environment) -> None:
    here = controllers(lab)[0].network.network_address
    services = [said for _, said in declarations(lab).values() if "port" in said]
    assert len(services) > 12
    for said in services:
        for port in (said[key] for key in ("port", "peer_port", "metrics_port") if key in said):
            assert leads(lab, here, said["host"], port), said


def test_hosts_of_one_site_trust_each_other_no_more_than_others(lab: Environment) -> None:
    one, two = lab.hosts["primary-1"].address, lab.hosts["primary-2"].address
    assert {flow.port for flow in flows(lab) if flow.leads(two, one)} == {2379, 7400}
    assert {flow.port for flow in flows(lab) if flow.leads(one, two)} == set()


def test_ssh_comes_from_controllers_alone_and_only_from_the_bastion_where_there_is_one(tmp_path: Path) -> None:
    data = yaml.safe_load((ROOT / "tests" / "unit" / "environment" / "base.yaml").read_text())
    data["power"] = {}
    for host in data["hosts"].values():
        host.pop("power", None)
    data["sites"]["far"]["bastion"] = {"address": "192.0.2.7", "user": "jump"}
    data["network"] = {"controllers": ["192.0.2.64/26"], "members": ["203.0.113.0/24"]}
    environment = written(data, tmp_path)
    doors = {
        host: {
            str(party)
            for flow in flows(environment)
            if flow.port == 22
            for party, end in flow.pairs()
            if end.name == host
        }
        for host in environment.hosts
    }
    direct = {"controllers 192.0.2.64/26"}
    assert doors == {"a": direct, "b": direct, "c": {"192.0.2.7 192.0.2.7/32"}, "o": direct}
    member = IPv4Address("203.0.113.9")
    assert leads(environment, member, "a", 7410)
    assert not leads(environment, member, "c", 7410), "no gateway is there"
    assert not leads(environment, member, "a", 7411)


def test_controllers_that_are_not_declared_are_the_ops_sites(other: Environment) -> None:
    assert [str(party.network) for party in controllers(other)] == ["10.9.0.0/16"]
    assert leads(other, IPv4Address("10.9.4.4"), "a", 22)
    assert not leads(other, IPv4Address("10.1.0.9"), "a", 22)


def test_a_channel_with_a_name_leads_out_and_not_in(tmp_path: Path) -> None:
    data = yaml.safe_load((ROOT / "stacks" / "environments" / "lab.yaml").read_text().replace("handover:", "# "))
    data["power"] = {}
    for host in data["hosts"].values():
        host.pop("power", None)
    data["monitoring"] |= {
        "webhook": {"url": "https://chat.example.org/hook?token={token}"},
        "email": data["monitoring"]["email"] | {"smarthost": "192.0.2.25:587"},
    }
    data["network"]["also"] = [
        {
            "source": "ops-1",
            "destination": "192.0.2.53/32",
            "protocol": "udp",
            "port": 53,
            "why": 'a "resolver" {{ x }}',
        }
    ]
    environment = written(data, tmp_path)
    rules = host_rules(environment, "ops-1")
    out = {(str(rule.peers[0]), rule.protocol, rule.port) for rule in rules.outbound}
    assert {
        ("0.0.0.0/0", Protocol.TCP, 443),
        ("192.0.2.25/32", Protocol.TCP, 587),
        ("192.0.2.53/32", Protocol.UDP, 53),
    } <= out
    assert 443 not in {rule.port for host in environment.hosts for rule in host_rules(environment, host).inbound}
    assert 'comment "also: a resolver  x "' in rendered(environment, "ops-1")


def test_a_round_trip_is_measured_on_a_port_that_has_a_flow(lab: Environment) -> None:
    for host in set(speakers(lab).values()):
        for peer in peers(lab, host):
            assert leads(lab, lab.hosts[host].address, peer.host, peer.port), (host, peer)


def written(data: dict[str, Any], folder: Path) -> Environment:
    file = folder / f"{data['name']}.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return load(file)


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """The lab with other names, networks and ports, without one of its cells, or with a member at ops."""
    pick: random.Random = draw(st.randoms(use_true_random=False))
    text = (ROOT / "stacks" / "environments" / "lab.yaml").read_text()
    octet = draw(st.integers(0, 250))
    text = text.replace("198.18.", f"10.{octet}.").replace("handover:", "# ")
    for name in ("primary-1", "primary-2", "standby-1", "standby-2", "dr-1", "ops-1"):
        text = text.replace(name, f"{draw(st.sampled_from(['node', 'm', 'x86']))}-{name[::-1].replace('-', 'q')}")
    data: dict[str, Any] = yaml.safe_load(text)
    data["power"] = {}
    for host in data["hosts"].values():
        host.pop("power", None)
    numbers = iter(pick.sample(range(1024, 65535), 24))
    for cell in data["cells"].values():
        cell["ports"] = {key: next(numbers) for key in cell["ports"]}
    data["monitoring"] |= {f"{key}_port": next(numbers) for key in ("node", "prometheus", "alertmanager")}
    data["journal"] |= {"client_port": next(numbers), "peer_port": next(numbers)}
    data["logs"] = {"port": next(numbers)}
    if draw(st.booleans()):
        del data["cells"]["beta"]
    if draw(st.booleans()):
        data["network"] = {"members": [f"192.0.2.{draw(st.integers(0, 255))}/32"]}
    return data


@settings(max_examples=40, deadline=None)
@given(environments())
def test_it_holds_in_other_environments(data: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = written(data, Path(folder))
    assert_complete(environment)
    for host in environment.hosts:
        assert "198.18." not in rendered(environment, host)


@pytest.mark.parametrize("which", ["lab", "other"])
def test_inbound_and_outbound_are_two_sides_of_the_same_flows(which: str, request: pytest.FixtureRequest) -> None:
    """Between hosts: whom one may ask lets it in, and the other way round."""
    environment: Environment = request.getfixturevalue(which)
    sides: dict[str, set[tuple[str, str, Protocol, int]]] = {"in": set(), "out": set()}
    for name, host in environment.hosts.items():
        rules = host_rules(environment, name)
        for other_name, peer in environment.hosts.items():
            if other_name == name:
                continue
            for rule in rules.inbound:
                if any(peer.address in network for network in rule.peers):
                    sides["in"].add((other_name, name, rule.protocol, rule.port))
            for rule in rules.outbound:
                if any(peer.address in network for network in rule.peers):
                    sides["out"].add((name, other_name, rule.protocol, rule.port))
        assert host.address == rules.address
        assert not any(IPv4Network(host.address) in rule.peers for rule in (*rules.inbound, *rules.outbound))
    assert sides["in"] == sides["out"]
    assert len(sides["in"]) > 10


def test_a_hosts_rules_are_those_of_the_flows_that_have_it_at_an_end(lab: Environment) -> None:
    environment = lab
    for name, host in environment.hosts.items():
        own = IPv4Network(host.address)
        ends = [(flow.service, flow.port, flow.sources, flow.destinations) for flow in flows(environment)]
        into, out = (
            [
                (service, port)
                for service, port, sources, destinations in ends
                for here, there in [(destinations, sources) if inbound else (sources, destinations)]
                if any(end.includes(host.address) for end in here) and any(end.network != own for end in there)
            ]
            for inbound in (True, False)
        )
        found = host_rules(environment, name)
        assert [(rule.service, rule.port) for rule in found.inbound] == into
        assert [(rule.service, rule.port) for rule in found.outbound] == out
