"""What the router is told about lines. That packets then go there, tests/live/lab shows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.layout import Detour
from lab.steering import NOTHING, Kind, Owner, Reached, Seen, Steering, Through, changes, of_racks
from tests.unit.lab.small_lab import LAB, ONE, TWO

GATEWAY = replace(ONE, line_addresses=("198.18.101.1", "198.18.101.5"))
JOINED = replace(LAB, hosts=(GATEWAY, TWO), detours=(Detour("198.18.1.0/24", "198.18.3.0/24", ONE.address),))
TABLE = int("c6120101", 16)
OWN = [f"unicast {address} via 198.18.1.11 dev bc6120101 table main metric 0" for address in GATEWAY.line_addresses]
WAY = f"unicast 198.18.3.0/24 via 198.18.1.11 dev bc6120101 table {TABLE} metric 0"
RULES = [
    "priority 1000 from 198.18.1.11 iif bc6120101 lookup main",
    f"priority 1001 from all iif bc6120101 lookup {TABLE}",
]
EMPTY = Seen(frozenset(), frozenset())
DONE = Seen(frozenset(RULES), frozenset([*OWN, WAY]))


def test_a_gateway_in_a_rack_has_its_line_addresses_and_what_its_neighbours_send_to_the_other_site() -> None:
    added = changes(Owner.RACKS, of_racks(JOINED), EMPTY)

    assert added == [
        *(f"route replace {one} protocol 201" for one in [*OWN, WAY]),
        *(f"rule add {one} protocol 201" for one in RULES),
    ], "the way is there before the rule, and the gateway's own packets come before all"


def test_what_is_there_already_is_left_alone() -> None:
    assert changes(Owner.RACKS, of_racks(JOINED), DONE) == []


def test_without_lines_nothing_is_left_of_them() -> None:
    assert changes(Owner.RACKS, of_racks(LAB), DONE) == [
        *(f"rule del {one} protocol 201" for one in RULES),
        *(f"route del {one} protocol 201" for one in sorted([*OWN, WAY])),
    ]


def test_an_address_that_moves_to_another_machine_is_not_taken_away_from_it() -> None:
    moved = Steering((Reached("198.18.101.1", "198.18.1.12", "198.18.1.0/24"),))
    seen = Seen(frozenset(), frozenset(OWN[:1]))

    (line,) = changes(Owner.RACKS, moved, seen)

    assert line == "route replace unicast 198.18.101.1 via 198.18.1.12 dev bc6120101 table main metric 0 protocol 201"


def test_racks_come_before_the_cloud_and_each_has_its_own() -> None:
    steering = Steering((Reached("198.18.101.2", "198.18.3.11", "198.18.3.0/24"),))

    (line,) = changes(Owner.CLOUD, steering, EMPTY)

    assert line == "route replace unicast 198.18.101.2 via 198.18.3.11 dev bc6120301 table main metric 100 protocol 202"


@pytest.mark.parametrize(("destination", "shown"), [("0.0.0.0/0", "default"), ("198.18.101.2/32", "198.18.101.2")])
def test_a_way_is_known_again_as_the_router_shows_it(destination: str, shown: str) -> None:
    steering = Steering(through=(Through("198.18.1.0/24", destination, kind=Kind.NOBODY),))
    rule = f"priority 2001 from all iif bc6120101 lookup {TABLE}"
    seen = Seen(frozenset([rule]), frozenset([f"blackhole {shown} table {TABLE} metric 0"]))

    assert changes(Owner.CLOUD, steering, seen) == []


def test_a_way_may_lead_to_nobody_or_where_it_always_led() -> None:
    network = "198.18.1.0/24"
    ways = (Through(network, "10.0.0.0/8", kind=Kind.NOBODY), Through(network, network, kind=Kind.AS_EVER))

    routes = [line for line in changes(Owner.CLOUD, Steering(through=ways), EMPTY) if line.startswith("route")]

    assert routes == [
        f"route replace blackhole 10.0.0.0/8 table {TABLE} metric 0 protocol 202",
        f"route replace throw 198.18.1.0/24 table {TABLE} metric 0 protocol 202",
    ]
    assert changes(Owner.CLOUD, NOTHING, EMPTY) == []
