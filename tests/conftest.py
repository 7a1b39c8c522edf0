"""What all tests share: which of them need the lab."""

from __future__ import annotations

from pathlib import Path

import pytest

_LIVE = Path(__file__).parent / "live"
_LIVE_TIMEOUT_S = 1800  # with the fixtures that the first test of a session waits for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything under tests/live needs the lab and may take longer, so that nobody has to mark it."""
    for item in items:
        if _LIVE in item.path.parents:
            item.add_marker(pytest.mark.live)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(_LIVE_TIMEOUT_S))
