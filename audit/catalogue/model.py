"""Loads the catalogue and refuses one that contradicts itself."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit.exceptions import CatalogueError

FILE = Path(__file__).with_name("gbt22239_l3.yaml")


class Automation(StrEnum):
    """How far a machine can go with an item."""

    AUTO = "auto"
    SEMI = "semi"
    MANUAL = "manual"


class ObjectClass(StrEnum):
    """Kinds of things that an item is assessed on (测评对象)."""

    HOST = "host"
    DB = "db"
    NETWORK = "network"
    CLOUD_API = "cloud_api"
    APP = "app"
    SIEM = "siem"
    BACKUP = "backup"
    IAC = "iac"
    PHYSICAL = "physical"
    PROCESS = "process"

    @property
    def label_zh(self) -> str:
        return _CLASS_LABELS[self]


_CLASS_LABELS = {
    ObjectClass.HOST: "服务器",
    ObjectClass.DB: "数据库",
    ObjectClass.NETWORK: "网络设备",
    ObjectClass.CLOUD_API: "云平台",
    ObjectClass.APP: "业务应用",
    ObjectClass.SIEM: "日志平台",
    ObjectClass.BACKUP: "备份系统",
    ObjectClass.IAC: "基础设施代码",
    ObjectClass.PHYSICAL: "物理环境",
    ObjectClass.PROCESS: "管理流程",
}


class Item(BaseModel):
    """One requirement (测评项). `requirement_en` and `label_zh` are paraphrases, not the standard's text."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^8\.[12]\.\d+\.\d+\.[a-z]+$")
    clause: str
    item: str
    unit_28448: str = Field(pattern=r"^L3-[A-Z]{3}[12]-\d{2}$")
    domain_zh: str = Field(min_length=1)
    control_point_zh: str = Field(min_length=1)
    label_zh: str = Field(min_length=1)
    requirement_en: str = Field(min_length=1)
    automation: Automation
    scope: tuple[ObjectClass, ...] = Field(min_length=1)
    how: tuple[str, ...] = Field(min_length=1)
    tenant_side_applies: str | None = None

    @model_validator(mode="after")
    def _id_is_clause_and_letter(self) -> Self:
        letter = self.item.split(" ")[0]
        if self.id != f"{self.clause}.{letter}":
            raise ValueError(
                f"{self.id}: found clause {self.clause} and item {self.item}, expected them to make up the id"
            )
        if len(set(self.scope)) != len(self.scope):
            raise ValueError(f"{self.id}: an object class is named twice in scope")
        return self


class Counts(BaseModel):
    """How many items a part has, by automation."""

    model_config = ConfigDict(frozen=True)

    total: int
    auto: int = 0
    semi: int = 0
    manual: int = 0


class Provenance(BaseModel):
    """Where the catalogue comes from and what it claims to hold."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    title: str
    counts: dict[str, Counts]
    counts_by_section: dict[str, int]
    fields: dict[str, str]
    sources: tuple[str, ...]
    from_memory: tuple[str, ...]
    guide_values: dict[str, int] = Field(alias="assessor_guide_values_not_in_standard")
    note: str


class Catalogue(BaseModel):
    """All items, general and cloud extension, with their provenance."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    meta: Provenance
    general: tuple[Item, ...] = Field(alias="general_requirements_8_1")
    cloud: tuple[Item, ...] = Field(alias="cloud_extension_8_2")

    @property
    def items(self) -> tuple[Item, ...]:
        return self.general + self.cloud

    def item(self, item_id: str) -> Item:
        """The item with this id. Raises CatalogueError if there is none."""
        for item in self.items:
            if item.id == item_id:
                return item
        raise CatalogueError(
            f"no item {item_id} in the catalogue", f"one of its {len(self.items)} ids, such as 8.1.4.1.a"
        )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = [*_repeated(self.items), *_wrong_part(self), *_wrong_counts(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _repeated(items: tuple[Item, ...]) -> list[str]:
    found = []
    for what in ("id", "unit_28448"):
        counts = Counter(str(getattr(item, what)) for item in items)
        found += [f"{what} {value} is used {n} times, expected once" for value, n in counts.items() if n > 1]
    return found


def _wrong_part(catalogue: Catalogue) -> list[str]:
    parts = (("8.1.", catalogue.general), ("8.2.", catalogue.cloud))
    return [
        f"{item.id} stands in the part of {prefix}*"
        for prefix, items in parts
        for item in items
        if not item.id.startswith(prefix)
    ]


def _wrong_counts(catalogue: Catalogue) -> list[str]:
    found = []
    for name, items in (("general", catalogue.general), ("cloud", catalogue.cloud)):
        kinds = Counter(item.automation.value for item in items)
        actual = Counts(total=len(items), **kinds)
        if catalogue.meta.counts.get(name) != actual:
            found.append(f"meta.counts.{name} says {catalogue.meta.counts.get(name)}, the items are {actual}")
    sections = dict(Counter(".".join(item.id.split(".")[:3]) for item in catalogue.general))
    if sections != catalogue.meta.counts_by_section:
        found.append(f"meta.counts_by_section says {catalogue.meta.counts_by_section}, the items are {sections}")
    return found


def parse(document: Any, source: str) -> Catalogue:
    """The catalogue in a parsed YAML document. Raises CatalogueError naming `source` and every inconsistency."""
    try:
        return Catalogue.model_validate(document)
    except ValidationError as error:
        found = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise CatalogueError(f"{source}: {found}", "a consistent catalogue", "correct the file") from error


@cache
def load() -> Catalogue:
    """The catalogue that is part of this package."""
    return parse(yaml.safe_load(FILE.read_text(encoding="utf-8")), FILE.name)
