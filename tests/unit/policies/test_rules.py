"""What each rule refuses and what it lets pass, up to the boundary."""

from __future__ import annotations

from typing import Any

import pytest

from audit.catalogue import load
from infra.policies.rule import GBT_22239, UNKNOWN, Breach, Resource
from infra.policies.rules import RULES
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.labels import BUCKET, INSTANCE, SECURITY_GROUP, TAGGED, VOLUME
from infra.providers.industry.types import all_types

BY_NAME = {rule.name: rule for rule in RULES}
HOST, DEPLOYMENT = "rack:index:Host", "deployment:index:Deployment"


def judged(rule: str, kind: str, **inputs: Any) -> list[Breach]:
    assert kind in BY_NAME[rule].types
    return list(BY_NAME[rule].judge(Resource(kind, "one", inputs)))


def ingress(*rules: dict[str, Any]) -> list[Breach]:
    return judged("no-open-ssh", SECURITY_GROUP, ingress=list(rules))


def tcp(first: int, last: int | None = None, peer: str = "0.0.0.0/0") -> dict[str, Any]:
    return {"protocol": "tcp", "from_port": first, **({} if last is None else {"to_port": last}), "peer": peer}


@pytest.mark.parametrize("kind", [INSTANCE, VOLUME, BUCKET])
@pytest.mark.parametrize(("level", "words"), [("3", "level 3 (高)"), ("4", "level 4 (极高)"), (None, "no data level")])
def test_a_high_level_or_none_is_refused_on_the_cloud(kind: str, level: str | None, words: str) -> None:
    (breach,) = judged("data-placement", kind, tags={} if level is None else {"data-level": level})

    assert words in breach.found
    assert "level 2 (中) at most" in breach.expected


@pytest.mark.parametrize("kind", [INSTANCE, VOLUME, BUCKET])
@pytest.mark.parametrize("level", ["1", "2"])
def test_a_low_level_may_be_on_the_cloud(kind: str, level: str) -> None:
    assert judged("data-placement", kind, tags={"data-level": level}) == []


@pytest.mark.parametrize("level", ["0", "5", "low", "", "02", "2.0", 2.5])
def test_what_is_no_level_is_refused(level: Any) -> None:
    (breach,) = judged("data-placement", BUCKET, tags={"data-level": level})

    assert breach.expected == "one of 1, 2, 3, 4"


def test_a_resource_without_any_tags_has_no_level() -> None:
    assert len(judged("data-placement", VOLUME)) == 1
    assert len(judged("data-placement", VOLUME, tags=None)) == 1


@pytest.mark.parametrize("kind", [HOST, DEPLOYMENT])
@pytest.mark.parametrize(
    ("hosting", "level", "refused"),
    [
        ("rack", 4, False),
        ("industry", 2, False),
        ("industry", 3, True),
        ("industry", None, True),
        ("rack", None, False),
    ],
)
def test_hosts_and_what_runs_on_them_are_judged_by_the_kind_of_their_site(
    kind: str, hosting: str, level: int | None, refused: bool
) -> None:
    assert bool(judged("data-placement", kind, hosting=hosting, data_level=level)) is refused


@pytest.mark.parametrize("hosting", [None, "Rack", "basement"])
def test_a_host_of_which_nobody_says_where_it_stands_is_refused(hosting: str | None) -> None:
    (breach,) = judged("data-placement", HOST, hosting=hosting, data_level=1)

    assert breach.expected == "rack or industry"


@pytest.mark.parametrize(
    "rule",
    [
        tcp(22),
        tcp(22, 22),
        tcp(0, 65535),
        tcp(22, 23),
        tcp(21, 22),
        tcp(22, peer="::/0"),
        tcp(22, peer="2000::/3"),
        {"protocol": "all", "peer": "0.0.0.0/0"},
        {"protocol": "all", "peer": "::/0"},
    ],
)
def test_ssh_from_everywhere_is_refused(rule: dict[str, Any]) -> None:
    (breach,) = ingress(tcp(443), rule)

    assert rule["peer"] in breach.found
    assert "443" not in breach.found


@pytest.mark.parametrize(
    "rule",
    [
        tcp(21),
        tcp(23),
        tcp(23, 65535),
        tcp(0, 21),
        tcp(22, peer="10.0.0.0/8"),
        tcp(22, peer="0.0.0.0/1"),
        tcp(22, peer="2001:db8::/32"),
        tcp(22, peer="self"),
        tcp(22, peer="sg-1"),
        {"protocol": "udp", "from_port": 22, "peer": "0.0.0.0/0"},
        {"protocol": "icmp", "peer": "0.0.0.0/0"},
        {"protocol": "all", "peer": "sg-1"},
    ],
)
def test_other_ports_and_known_networks_are_let_in(rule: dict[str, Any]) -> None:
    assert ingress(rule) == []


@pytest.mark.parametrize(
    "halves",
    [
        ("0.0.0.0/1", "128.0.0.0/1"),
        ("0.0.0.0/2", "64.0.0.0/2", "128.0.0.0/1"),
        ("::/1", "8000::/1"),
        ("2000::/4", "3000::/4"),
    ],
)
def test_networks_that_are_the_whole_together_are_the_whole(halves: tuple[str, ...]) -> None:
    (breach,) = ingress(*(tcp(22, peer=half) for half in halves))

    assert all(half in breach.found for half in halves)
    assert ingress(*(tcp(22, peer=half) for half in halves[1:])) == []


def test_both_versions_of_addresses_are_told() -> None:
    assert len(ingress(tcp(22), tcp(22, peer="::/0"))) == 2


def test_a_group_without_rules_lets_nobody_in() -> None:
    assert ingress() == []
    assert judged("no-open-ssh", SECURITY_GROUP) == []


@pytest.mark.parametrize(
    ("kind", "inputs", "refused"),
    [
        (VOLUME, {}, False),
        (VOLUME, {"encrypted": True}, False),
        (VOLUME, {"encrypted": False}, True),
        (BUCKET, {}, False),
        (BUCKET, {"encryption": "AES256"}, False),
        (BUCKET, {"encryption": "aws:kms"}, False),
        (BUCKET, {"encryption": "none"}, True),
    ],
)
def test_disks_and_buckets_are_encrypted(kind: str, inputs: dict[str, Any], refused: bool) -> None:
    assert bool(judged("encrypted-storage", kind, **inputs)) is refused


COMPLIANCE, GOVERNANCE = {"mode": "COMPLIANCE", "days": 180}, {"mode": "GOVERNANCE", "days": 180}


@pytest.mark.parametrize(
    ("holds", "inputs", "words"),
    [
        ("evidence", {"object_lock": COMPLIANCE}, []),
        ("archive", {"object_lock": COMPLIANCE, "versioning": True}, []),
        ("state", {"object_lock": GOVERNANCE}, []),
        ("other", {"versioning": False}, []),
        (None, {"object_lock": COMPLIANCE}, []),
        ("evidence", {}, ["holds evidence, and has no object lock"]),
        ("state", {"versioning": True}, ["holds state, and has no object lock"]),
        ("archive", {"versioning": False}, ["keeps no versions", "no object lock"]),
        ("evidence", {"object_lock": GOVERNANCE}, ["GOVERNANCE, which an administrator can lift"]),
        ("archive", {"object_lock": GOVERNANCE}, ["GOVERNANCE"]),
        (None, {}, ["has no tag `holds`, so it counts as evidence"]),
        ("evidense", {"object_lock": COMPLIANCE}, ["the tag `holds` is 'evidense'"]),
    ],
)
def test_what_must_be_kept_is_kept_with_versions_and_locked(
    holds: str | None, inputs: dict[str, Any], words: list[str]
) -> None:
    found = judged("locked-buckets", BUCKET, tags={} if holds is None else {"holds": holds}, **inputs)

    assert len(found) == len(words)
    assert all(text in breach.found for text, breach in zip(words, found, strict=True))


@pytest.mark.parametrize("kind", sorted(TAGGED))
def test_everything_that_takes_tags_has_an_owner(kind: str) -> None:
    assert judged("owner-tag", kind, tags={"owner": "trading"}) == []
    assert len(judged("owner-tag", kind, tags={"owner": "  "})) == 1
    assert len(judged("owner-tag", kind, tags={"Owner": "trading"})) == 1
    assert len(judged("owner-tag", kind)) == 1


def test_the_types_that_take_tags_are_those_of_the_provider() -> None:
    assert {kind.token for kind in all_types(Cloud()) if "tags" in kind.inputs} == TAGGED


@pytest.mark.parametrize(
    ("rule", "kind", "inputs"),
    [
        ("data-placement", VOLUME, {"tags": UNKNOWN}),
        ("data-placement", VOLUME, {"tags": {"data-level": UNKNOWN}}),
        ("data-placement", HOST, {"hosting": UNKNOWN, "data_level": 4}),
        ("data-placement", HOST, {"hosting": "industry", "data_level": UNKNOWN}),
        ("no-open-ssh", SECURITY_GROUP, {"ingress": UNKNOWN}),
        ("no-open-ssh", SECURITY_GROUP, {"ingress": [UNKNOWN, tcp(22) | {"peer": UNKNOWN}]}),
        ("no-open-ssh", SECURITY_GROUP, {"ingress": [tcp(22) | {"from_port": UNKNOWN}]}),
        ("encrypted-storage", VOLUME, {"encrypted": UNKNOWN}),
        ("encrypted-storage", BUCKET, {"encryption": UNKNOWN}),
        ("locked-buckets", BUCKET, {"tags": UNKNOWN}),
        ("locked-buckets", BUCKET, {"tags": {"holds": UNKNOWN}}),
        ("locked-buckets", BUCKET, {"versioning": UNKNOWN, "object_lock": UNKNOWN}),
        ("owner-tag", VOLUME, {"tags": UNKNOWN}),
        ("owner-tag", VOLUME, {"tags": {"owner": UNKNOWN}}),
    ],
)
def test_what_is_not_known_yet_is_left_to_the_update(rule: str, kind: str, inputs: dict[str, Any]) -> None:
    assert judged(rule, kind, **inputs) == []


def test_what_is_known_is_judged_although_other_parts_are_not() -> None:
    assert len(ingress(tcp(22) | {"peer": UNKNOWN}, tcp(22))) == 1


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_names_clauses_of_the_catalogue_by_number_and_title(rule: Any) -> None:
    catalogue = load()
    ours = [clause for clause in rule.clauses if clause.standard == GBT_22239]

    assert ours
    assert [clause.title for clause in ours] == [catalogue.item(clause.number).label_zh for clause in ours]
    assert all(str(clause) in rule.description for clause in rule.clauses)


def test_a_breach_says_what_was_found_what_was_expected_and_what_to_do() -> None:
    text = str(judged("owner-tag", VOLUME)[0])

    assert [line.split(":")[0] for line in text.splitlines()] == ["found", "expected", "what to do"]
