"""Groups become exactly the packet filters that they say. That the kernel takes the text, the live test shows."""

from __future__ import annotations

import re

import pytest

from lab.cloud.filters import NO_GUESTS, GuestFilter, Permission, mark, ruleset

EVERYONE = ("0.0.0.0/0",)


def chain(text: str, name: str) -> list[str]:
    """The lines of one chain."""
    found = re.search(rf"  chain {name} {{\n(.*?)\n  }}", text, re.DOTALL)
    assert found, text
    return [line.strip() for line in found[1].splitlines()]


def ingress(*permissions: Permission) -> list[str]:
    return chain(ruleset([GuestFilter("198.18.5.11", "p1", permissions, ())]), "in_p1")


@pytest.mark.parametrize(
    ("permission", "line"),
    [
        (Permission("tcp", 22, 22, EVERYONE), "tcp dport 22 return"),
        (Permission("tcp", 2379, 2380, ("198.18.0.0/16",)), "tcp dport 2379-2380 ip saddr { 198.18.0.0/16 } return"),
        (Permission("udp", 0, 65535, EVERYONE), "meta l4proto udp return"),
        (Permission("icmp", -1, -1, EVERYONE), "meta l4proto icmp return"),
        (Permission("icmp", 8, -1, EVERYONE), "icmp type 8 return"),
        (Permission("icmp", 3, 4, EVERYONE), "icmp type 3 icmp code 4 return"),
        (Permission("-1", None, None, ("198.18.5.12/32",)), "ip saddr { 198.18.5.12 } return"),
        (Permission("50", None, None, EVERYONE), "meta l4proto 50 return"),
        (Permission("-1", None, None, EVERYONE), "return"),
    ],
)
def test_a_rule_lets_in_what_it_says_and_the_rest_is_dropped(permission: Permission, line: str) -> None:
    assert ingress(permission) == [line, "drop"]


def test_without_a_rule_nothing_comes_in_or_goes_out() -> None:
    text = ruleset([GuestFilter("198.18.5.11", "p1", (), ())])

    assert chain(text, "in_p1") == ["drop"]
    assert chain(text, "out_p1") == ["drop"]


def test_networks_that_overlap_are_one_because_nft_refuses_them_otherwise() -> None:
    peers = ("198.18.5.12/32", "198.18.5.0/24", "198.18.5.0/24")

    assert ingress(Permission("tcp", 22, 22, peers)) == ["tcp dport 22 ip saddr { 198.18.5.0/24 } return", "drop"]


def test_a_rule_for_a_group_without_members_allows_nobody() -> None:
    assert ingress(Permission("tcp", 22, 22, ())) == ["drop"]


def test_a_rule_for_networks_of_ipv6_allows_nobody() -> None:
    assert ingress(Permission("tcp", 22, 22, ("::/0",))) == ["drop"]


def test_between_two_guests_both_have_to_allow_it() -> None:
    guests = [GuestFilter(f"198.18.5.1{n}", f"p{n}", (), ()) for n in (1, 2)]
    followed = ruleset(guests).partition("table inet cloud {\n")[2]
    known, leaving, entering = chain(followed, "forward")[1:]

    assert known == "ct state established,related accept"
    assert leaving == "meta mark vmap { 0xc612050b : jump out_p1, 0xc612050c : jump out_p2 }", "by the port it came in"
    assert entering == "rt ip nexthop vmap { 198.18.5.11 : jump in_p1, 198.18.5.12 : jump in_p2 }", "by where it goes"


def test_a_guest_speaks_for_no_other_address() -> None:
    text = ruleset([GuestFilter("198.18.5.11", "p1", (), (), routed=("198.18.101.2",))])

    assert chain(text, "from_p1") == [
        f"meta mark set {mark('198.18.5.11')}",
        "ether type arp arp saddr ip { 198.18.5.11 } return",
        "ether type ip ip saddr 198.18.5.11 return",
        "drop",
    ], "a route alone does not let it"


def test_a_guest_that_forwards_sends_from_any_address_and_claims_its_own_ones_only() -> None:
    text = ruleset([GuestFilter("198.18.5.11", "p1", (), (), forwards=True, routed=("198.18.101.2", "198.18.101.6"))])

    assert chain(text, "from_p1")[1:] == [
        "ether type arp arp saddr ip { 198.18.5.11, 198.18.101.2, 198.18.101.6 } return",
        "ether type ip return",
        "drop",
    ]


def test_connections_of_other_hosts_are_not_followed() -> None:
    text = ruleset([GuestFilter("198.18.5.11", "p1", (), (), forwards=True, routed=("198.18.101.2",))])

    assert chain(text, "raw")[1] == "meta mark != { 0xc612050b } ip daddr != { 198.18.5.11, 198.18.101.2 } notrack"


def test_without_guests_no_filter_is_left() -> None:
    assert ruleset([]) == NO_GUESTS
