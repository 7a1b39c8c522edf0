"""Values between the engine and our code; above all those that are not known yet."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

from infra.providers.base.values import UNKNOWN, contains_unknown, from_engine, to_engine


def test_an_unknown_input_is_never_a_string() -> None:
    assert from_engine(PropertyValue(rpc.UNKNOWN)) is UNKNOWN


def test_an_unknown_output_can_be_sent() -> None:
    sent = PropertyValue.marshal_map({"address": to_engine(UNKNOWN)})

    assert sent["address"] == rpc.UNKNOWN


def test_unknowns_are_found_at_any_depth() -> None:
    assert contains_unknown({"hosts": [{"address": UNKNOWN}]})
    assert not contains_unknown({"hosts": [{"address": "198.51.100.1"}]})


@pytest.mark.parametrize("value", [None, True, 0, 3, 2.5, "", "text", [1, ["a"]], {"a": {"b": [None, False]}}])
def test_plain_values_survive_both_ways(value: Any) -> None:
    assert from_engine(to_engine(value)) == value


def test_whole_numbers_come_back_as_int() -> None:
    assert repr(from_engine(to_engine({"port": 22}))) == "{'port': 22}"
