"""What is derived from an environment is derived once for it, and never taken for another's."""

from __future__ import annotations

import gc
import weakref

from dingli.environment import Environment, load
from dingli.environment.inventory import groups
from dingli.environment.once import once
from dingli.network import flows


def test_it_is_derived_once_for_each_environment() -> None:
    asked: list[str] = []

    @once
    def sites(environment: Environment) -> list[str]:
        asked.append(environment.name)
        return list(environment.sites)

    one, equal = load("lab"), load("lab")
    fewer = one.model_copy(update={"sites": {name: one.sites[name] for name in ("primary", "ops")}})
    assert [sites(one), sites(one), sites(equal), sites(fewer)] == [[*one.sites]] * 3 + [["primary", "ops"]]
    assert len(asked) == 3


def test_it_goes_with_its_environment() -> None:
    class Result:
        """Something that can be watched."""

    @once
    def result(environment: Environment) -> Result:
        return Result()

    environment = load("lab")
    made = weakref.ref(result(environment))
    assert made() is not None
    del environment
    gc.collect()
    assert made() is None


def test_groups_and_flows_are_derived_once() -> None:
    environment = load("lab")
    assert groups(environment) is groups(environment)
    assert flows(environment) is flows(environment)
