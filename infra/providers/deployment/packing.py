"""Variables as one text: value by value, those of a thousand hosts keep engine, program and provider busy."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["packed", "unpacked"]


def packed(data: Any) -> str:
    """JSON, the same for equal data. What is packed already, as it is."""
    return data if isinstance(data, str) else json.dumps(data, sort_keys=True, default=repr)


def unpacked(text: Any) -> dict[str, Any]:
    """The variables again. States of before have them as maps: those are what is meant."""
    found: dict[str, Any] = json.loads(text) if isinstance(text, str) else text or {}
    return found
