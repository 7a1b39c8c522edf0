"""Between Pulumi's policies and our rules, which are functions of plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import EnforcementLevel, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy
from pulumi_policy.proxy import UnknownValueError

from infra.policies.rule import UNKNOWN, Resource, Rule

__all__ = ["mandatory", "plain"]


def mandatory(rule: Rule) -> ResourceValidationPolicy:
    """The rule as a policy whose breach refuses a preview and an update."""

    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if args.resource_type not in rule.types:
            return
        for breach in rule.judge(Resource(args.resource_type, args.name, plain(args.props))):
            report(str(breach), None)

    return ResourceValidationPolicy(rule.name, rule.description, validate, EnforcementLevel.MANDATORY)


def plain(value: Any) -> Any:
    """Plain data of the library's view of properties, which raises for each part that is not known yet."""
    if isinstance(value, Mapping):
        return {key: _part(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_part(value, index) for index in range(len(value))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _part(whole: Any, key: Any) -> Any:
    try:
        return plain(whole[key])
    except UnknownValueError:
        return UNKNOWN
