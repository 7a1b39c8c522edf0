"""Inputs of a cloud's resources that follow from the environment."""

from __future__ import annotations

from typing import Any

from dingli.environment import Environment
from dingli.network import security_group_rules

__all__ = ["group_inputs"]

_OF_RULES = ("protocol", "from_port", "to_port", "description")


def group_inputs(environment: Environment, host: str) -> dict[str, Any]:
    """`name`, `ingress` and `egress` of a host's SecurityGroup: the connections that it needs, and no others."""
    rules: dict[str, list[dict[str, Any]]] = {"ingress": [], "egress": []}
    for found in security_group_rules(environment, host):
        rule = {"peer": found["cidr"], **{name: found[name] for name in _OF_RULES}}
        rules[found["direction"]].append({name: value for name, value in rule.items() if value not in ("", -1)})
    return {"name": f"{environment.name}-{host}", **rules}
