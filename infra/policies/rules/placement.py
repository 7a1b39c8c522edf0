"""Data of a high level stays on racks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.policies.rule import GBT_22239, UNKNOWN, Breach, Clause, Resource, Rule
from infra.providers.industry.labels import BUCKET, DATA_LEVEL, INSTANCE, VOLUME

__all__ = ["HIGHEST_ON_THE_CLOUD", "PLACED"]

_WORDS = {1: "低", 2: "中", 3: "高", 4: "极高"}
HIGHEST_ON_THE_CLOUD = 2
_NOT_SAID = 4
_OF_THE_CLOUD = frozenset({INSTANCE, VOLUME, BUCKET})
_OF_SITES = frozenset({"rack:index:Host", "deployment:index:Deployment"})
_RACK, _INDUSTRY = "rack", "industry"


def _judge(resource: Resource) -> Iterator[Breach]:
    hosting, level = _place_and_level(resource)
    if hosting is UNKNOWN or level is UNKNOWN:
        return
    if hosting not in (_RACK, _INDUSTRY):
        yield Breach(f"the hosting {hosting!r}", f"{_RACK} or {_INDUSTRY}", "correct it on the site")
    elif level not in (None, *_WORDS):
        yield Breach(f"the data level {level!r}", f"one of {', '.join(map(str, _WORDS))}", _CORRECT)
    elif hosting == _INDUSTRY and (level or _NOT_SAID) > HIGHEST_ON_THE_CLOUD:
        said = f"data of level {_named(level)}" if level else f"no data level, which counts as {_named(_NOT_SAID)},"
        yield Breach(
            f"{said} on the industry cloud",
            f"level {_named(HIGHEST_ON_THE_CLOUD)} at most: higher ones stay on racks",
            f"place it on a site of racks; or, if its level is lower, {_CORRECT}",
        )


_CORRECT = "declare that in the environment file (`data_levels`, `buckets`), from where `resource_tags` has it"


def _place_and_level(resource: Resource) -> tuple[Any, Any]:
    if resource.kind in _OF_SITES:
        return resource.inputs.get("hosting"), resource.inputs.get("data_level")
    tags = resource.tags
    said = UNKNOWN if tags is None else tags.get(DATA_LEVEL)
    return _INDUSTRY, int(said) if said in ("1", "2", "3", "4") else said


def _named(level: int) -> str:
    return f"{level} ({_WORDS[level]})"


PLACED = Rule(
    "data-placement",
    "Data of a high level is not placed on the industry cloud",
    (Clause(GBT_22239, "8.1.10.2.c", "信息分类标识"), Clause("JR/T 0158-2018", "8.3", "数据分级方法")),
    _OF_THE_CLOUD | _OF_SITES,
    _judge,
)
