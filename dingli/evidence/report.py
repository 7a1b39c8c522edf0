"""The report of a run that brought none of its own: what happened, when, and how it ended."""

from __future__ import annotations

import html
import json
from typing import Any

__all__ = ["as_html"]


def as_html(report: dict[str, Any], events: list[dict[str, Any]]) -> str:
    """One page without scripts or outside references."""
    facts = "".join(f"<tr><th>{_safe(key)}</th><td>{_safe(value)}</td></tr>" for key, value in report.items())
    rows = "".join(
        f"<tr><td>{_safe(event.get('t'))}</td><td>{_safe(event.get('event'))}</td><td>{_safe(_rest(event))}</td></tr>"
        for event in events
    )
    title = _safe(f"{report['kind']} {report['number']}: {report['result']}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font:15px sans-serif;margin:2em}td,th{text-align:left;padding:2px 12px;vertical-align:top}</style>"
        f"<h1>{title}</h1><table>{facts}</table><h2>Record</h2>"
        f"<table><tr><th>seconds</th><th>event</th><th>data</th></tr>{rows}</table></html>\n"
    )


def _rest(event: dict[str, Any]) -> str:
    rest = {key: value for key, value in event.items() if key not in ("at", "t", "event")}
    return json.dumps(rest, ensure_ascii=False) if rest else ""


def _safe(value: object) -> str:
    return html.escape(str(value))
