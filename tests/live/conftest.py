"""The order of live tests: first what needs no lab host, then what leaves hosts as they are, drills last."""

from __future__ import annotations

import pytest

_FIRST = ("differential", "core", "archive", "bundle", "minicore", "gateway", "hardness", "loadtests", "lab")
_LAST = ("stacks", "roles", "evidence", "audit", "monitoring", "drills")


def _place(item: pytest.Item) -> int:
    folder = item.path.parent.name
    if folder in _FIRST:
        return _FIRST.index(folder)
    return len(_FIRST) + 1 + _LAST.index(folder) if folder in _LAST else len(_FIRST)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)
