"""The lab is derived from the environment file."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from dingli.environment import EnvironmentKind, load
from dingli.exceptions import ExitCode
from lab import layout
from lab.exceptions import LabError, NoSuchHost


def test_hosts_and_networks_are_those_of_the_environment() -> None:
    environment = load("lab")
    derived = layout.of(environment)
    assert {host.name: host.address for host in derived.hosts} == {
        name: str(host.address) for name, host in environment.hosts.items() if name != "dr-1"
    }
    assert derived.networks == {name: str(site.network) for name, site in environment.sites.items()}


def test_what_a_stack_makes_on_a_cloud_is_no_machine_of_the_lab() -> None:
    derived = layout.of(load("lab"))
    assert derived.networks["dr"] == "198.18.3.0/24", "which is the instances'"
    assert layout.loads(derived.dumps()) == derived
    with pytest.raises(NoSuchHost, match="dr-1 is an instance of a cloud") as refused:
        derived.host("dr-1")
    assert "dingli lab cloud" in refused.value.remedy


def test_a_layout_survives_being_written_down() -> None:
    derived = layout.of(load("lab"))
    assert layout.loads(derived.dumps()) == derived


def test_interface_names_are_short_and_unique() -> None:
    hosts = layout.of(load("lab")).hosts
    assert len({host.port for host in hosts}) == len(hosts)
    assert all(len(name) <= 15 for host in hosts for name in (host.port, host.bridge))


def test_production_is_never_brought_up_as_a_lab() -> None:
    production = load("lab").model_copy(update={"kind": EnvironmentKind.PRODUCTION})
    with pytest.raises(LabError, match="kind production"):
        layout.of(production)


def test_a_site_may_not_cover_the_routers_addresses() -> None:
    environment = load("lab")
    greedy = environment.sites["ops"].model_copy(update={"network": IPv4Network("198.18.255.0/24")})
    with pytest.raises(LabError, match=r"covers 198\.18\.255\.252/30"):
        layout.of(environment.model_copy(update={"sites": {**environment.sites, "ops": greedy}, "hosts": {}}))


def test_a_host_that_the_lab_does_not_have_is_wrong_input_with_the_names_it_has() -> None:
    with pytest.raises(NoSuchHost, match="did you mean 'primary-1'") as refused:
        layout.of(load("lab")).host("primary1")

    assert refused.value.exit_code is ExitCode.USAGE
    assert refused.value.remedy
