"""The report of an attack: one HTML file that stands by itself."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape

from drills.ransomware.attempts import BUCKET_PROMISED, PROMISED
from drills.ransomware.judge import RansomReport

__all__ = ["render_html"]


def render_html(report: RansomReport) -> str:
    """The report as one page without links to anything outside."""
    loader = FileSystemLoader(Path(__file__).parents[1] / "templates")
    templates = Environment(
        loader=loader, autoescape=select_autoescape(default=True), trim_blocks=True, lstrip_blocks=True
    )
    page = templates.get_template("ransomware.html.j2")
    places = [
        ("An object of the drill's own", report.canary.get("object", {}).get("tried", {})),
        ("A bucket of the drill's own", report.canary.get("bucket", {}).get("tried", {})),
        ("The archive's objects", report.attack.get("tried", {})),
        ("The archive's bucket", report.attack.get("bucket", {})),
    ]
    return page.render(report=report, places=places, promised=(*PROMISED, *BUCKET_PROMISED))
