"""The lab is derived from the environment file."""

from __future__ import annotations

import json
from ipaddress import IPv4Address, IPv4Network

import pytest

from dingli.environment import EnvironmentKind, load
from dingli.environment.model import Line
from dingli.exceptions import ExitCode
from lab import layout
from lab.exceptions import LabError, NoSuchHost, NoSuchLine
from lab.layout import Detour, LabLine, Layout


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
    sites = {**environment.sites, "ops": greedy}
    with pytest.raises(LabError, match=r"covers 198\.18\.255\.252/30"):
        layout.of(environment.model_copy(update={"sites": sites, "hosts": {}, "lines": ()}))


def test_a_host_that_the_lab_does_not_have_is_wrong_input_with_the_names_it_has() -> None:
    with pytest.raises(NoSuchHost, match="did you mean 'primary-1'") as refused:
        layout.of(load("lab")).host("primary1")

    assert refused.value.exit_code is ExitCode.USAGE
    assert refused.value.remedy


def joined() -> Layout:
    """The lab with lines from a site of racks to the one on the cloud, and from one to another of racks."""
    declared = [
        Line(gateways=("primary-1", "dr-1"), first=ends(101, 1), second=ends(101, 5)),
        Line(gateways=("primary-1", "standby-1"), first=ends(102, 1), second=ends(102, 5)),
    ]
    return layout.of(load("lab").model_copy(update={"lines": tuple(declared)}))


def ends(third: int, last: int) -> tuple[IPv4Address, IPv4Address]:
    return IPv4Address(f"198.18.{third}.{last}"), IPv4Address(f"198.18.{third}.{last + 1}")


def test_gateways_in_racks_have_the_addresses_of_their_lines_and_others_none() -> None:
    hosts = {host.name: host.line_addresses for host in joined().hosts if host.line_addresses}
    assert hosts == {
        "primary-1": ("198.18.101.1", "198.18.101.5", "198.18.102.1", "198.18.102.5"),
        "standby-1": ("198.18.102.2", "198.18.102.6"),
    }


def test_what_a_site_of_racks_sends_through_its_lines_goes_to_its_gateway_first() -> None:
    primary, standby, dr = (f"198.18.{n}.0/24" for n in (1, 2, 3))
    assert joined().detours == (
        Detour(primary, dr, "198.18.1.11"),
        Detour(primary, standby, "198.18.1.11"),
        Detour(standby, primary, "198.18.2.11"),
    ), "the dr site's are its cloud's"


def test_lines_are_known_by_name_and_survive_being_written_down() -> None:
    derived = joined()
    assert derived.line("primary--dr--2") == LabLine("primary--dr--2", "198.18.101.5", "198.18.101.6")
    assert layout.loads(derived.dumps()) == derived
    with pytest.raises(NoSuchLine, match="did you mean 'primary--dr--1'"):
        derived.line("primary-dr-1")


def test_a_lab_without_lines_says_so_when_one_is_named() -> None:
    without = layout.of(load("lab").model_copy(update={"lines": ()}))
    with pytest.raises(NoSuchLine, match="declares `lines`"):
        without.line("primary--dr--1")


def test_what_an_earlier_release_wrote_down_is_read() -> None:
    written = json.loads(layout.of(load("lab").model_copy(update={"lines": ()})).dumps())
    del written["lines"], written["detours"]
    for host in written["hosts"]:
        del host["line_addresses"]
    assert layout.loads(json.dumps(written)) == layout.of(load("lab").model_copy(update={"lines": ()}))
