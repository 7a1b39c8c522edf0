"""What the rules are given of the engine's properties, and what becomes of what they find."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy import EnforcementLevel, PolicyResourceOptions, ResourceValidationArgs
from pulumi_policy.policy import PolicyCustomTimeouts
from pulumi_policy.proxy import UNKNOWN_ARRAY_VALUE, UNKNOWN_STRING_VALUE, unknown_checking_proxy

from infra.policies.adapter import mandatory, plain
from infra.policies.rule import UNKNOWN
from infra.policies.rules import RULES
from infra.policies.rules.ownership import OWNED


def test_properties_become_plain_data_with_the_unknown_parts_marked() -> None:
    properties = {
        "text": "a",
        "number": 22.0,
        "share": 0.5,
        "flag": True,
        "none": None,
        "list": [UNKNOWN_STRING_VALUE, {"peer": UNKNOWN_STRING_VALUE, "from_port": 22.0}],
        "later": UNKNOWN_ARRAY_VALUE,
    }

    assert plain(unknown_checking_proxy(properties)) == {
        "text": "a",
        "number": 22,
        "share": 0.5,
        "flag": True,
        "none": None,
        "list": [UNKNOWN, {"peer": UNKNOWN, "from_port": 22}],
        "later": UNKNOWN,
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_mandatory(rule: Any) -> None:
    assert mandatory(rule).enforcement_level is EnforcementLevel.MANDATORY


def test_a_breach_is_reported_and_other_types_are_not_asked_about() -> None:
    reported: list[str] = []

    def report(message: str, urn: str | None = None) -> None:
        reported.append(message)

    for kind in ("industry:index:Volume", "industry:index:Image", "other:index:Volume"):
        mandatory(OWNED).validate(_arguments(kind), report)

    (message,) = reported
    assert message.startswith("found: no tag `owner`")


def _arguments(kind: str) -> ResourceValidationArgs:
    options = PolicyResourceOptions(False, [], None, [], PolicyCustomTimeouts(0, 0, 0), [])
    return ResourceValidationArgs(
        kind, unknown_checking_proxy({}), f"urn:pulumi:s::p::{kind}::one", "one", options, None
    )
