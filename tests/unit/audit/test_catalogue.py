"""The catalogue loads as a whole or not at all."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from audit.catalogue import Automation, load
from audit.catalogue.model import FILE, parse
from audit.exceptions import CatalogueError
from audit.judgement import engine

DOCUMENT: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
GENERAL = "general_requirements_8_1"


def test_it_holds_all_items_and_says_where_they_come_from() -> None:
    catalogue = load()
    assert (len(catalogue.general), len(catalogue.cloud)) == (211, 46)
    assert catalogue.meta.sources
    assert "not the standard" in catalogue.meta.note


def test_what_is_judged_by_machine_is_marked_so() -> None:
    for item in engine.judged_items():
        assert load().item(item).automation is not Automation.MANUAL, item


def _same_id_twice(document: dict[str, Any]) -> None:
    document[GENERAL][1] = document[GENERAL][0]


def _unknown_class(document: dict[str, Any]) -> None:
    document[GENERAL][0]["scope"] = ["mainframe"]


def _one_item_lost(document: dict[str, Any]) -> None:
    del document[GENERAL][5]


def _id_without_its_clause(document: dict[str, Any]) -> None:
    document[GENERAL][0]["clause"] = "8.1.1.2"


def _cloud_item_among_the_general(document: dict[str, Any]) -> None:
    document[GENERAL].append(document["cloud_extension_8_2"].pop())


def _automation_changed(document: dict[str, Any]) -> None:
    document[GENERAL][0]["automation"] = "auto"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_same_id_twice, "8.1.1.1.a is used 2 times"),
        (_unknown_class, "scope"),
        (_one_item_lost, "meta.counts.general"),
        (_id_without_its_clause, "expected them to make up the id"),
        (_cloud_item_among_the_general, "stands in the part of 8.1."),
        (_automation_changed, "meta.counts.general"),
    ],
)
def test_an_inconsistency_is_refused(damage: Callable[[dict[str, Any]], None], message: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    damage(document)
    with pytest.raises(CatalogueError, match=message):
        parse(document, "catalogue.yaml")
