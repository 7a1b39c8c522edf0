"""Sites, hosts and the flows between sites as one SVG, which any browser and printer shows."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from dingli.environment import Environment
from dingli.network.lines import LineState, SeenLine
from dingli.network.sites import between_sites

__all__ = ["as_svg"]

_WIDTH, _HEADING, _LINE, _MARGIN = 300, 44, 20, 40
_LEGEND_LINE, _LEGEND_LETTER = 17, 6.6
_COLOURS = ("#1b6ca8", "#c0392b", "#1e8449", "#8e44ad", "#b9770e", "#117a65", "#5d6d7e", "#a04000")
_STYLE = (
    "text{font:13px sans-serif;fill:#222}.name{font-weight:bold;font-size:15px}.small{font-size:12px;fill:#555}"
    ".box{fill:#fff;stroke:#888;stroke-width:1.5}.number{font-size:11px;fill:#fff;font-weight:bold}"
)
_LINES_APART = 22
_STATES = {LineState.UP: "#1e8449", LineState.DOWN: "#c0392b", LineState.UNKNOWN: "#b9770e"}
Box = tuple[float, float, float, float]


def as_svg(environment: Environment, lines: Sequence[SeenLine] = ()) -> str:
    """A box for each site and neighbour, a numbered arrow for each direction, their services below, lines thick."""
    crossings = {pair: said for pair, said in between_sites(environment).items() if pair[0] != pair[1]}
    names = list(dict.fromkeys([*environment.sites, *(name for pair in crossings for name in pair)]))
    boxes = _layout(environment, names)
    width = max(x + w for x, _, w, _ in boxes.values()) + _MARGIN
    bottom = max(y + h for _, y, _, h in boxes.values()) + _MARGIN
    legend = [line for number, pair in enumerate(crossings, 1) for line in _said(number, pair, crossings[pair], width)]
    legend += [f"{one.line.name}: {one.state.value}  {one.text}" for one in lines]
    height = bottom + _LEGEND_LINE * (len(legend) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">',
        f"<title>{escape(environment.name)}: sites, hosts, flows between sites</title><style>{_STYLE}</style>",
        '<rect width="100%" height="100%" fill="#fafafa"/>',
    ]
    parts += [part for one in lines for part in _line(boxes, one)]
    for number, (source, destination) in enumerate(crossings, 1):
        parts += _arrow(boxes[source], boxes[destination], number, _COLOURS[number % len(_COLOURS)])
    parts += [_text(_MARGIN, bottom + _LEGEND_LINE * number, line, "small") for number, line in enumerate(legend, 1)]
    for name in names:
        parts += _site(environment, name, boxes[name])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _said(number: int, pair: tuple[str, str], services: tuple[str, ...], width: float) -> list[str]:
    said = f"{number}  {pair[0]} → {pair[1]}: {', '.join(services)}"
    return textwrap.wrap(said, int((width - 2 * _MARGIN) / _LEGEND_LETTER), subsequent_indent="\u2003\u2003")


def _lines(environment: Environment, name: str) -> list[str]:
    if name not in environment.sites:
        return []
    hosts = environment.hosts_at(name)
    return [f"{host.name}  {host.address}{'  (emulated)' if host.emulated else ''}" for host in hosts]


def _layout(environment: Environment, names: list[str]) -> dict[str, Box]:
    """In a ring, so that no arrow passes behind a box."""
    across, up = max(_WIDTH * 1.25, 70.0 * len(names)), max(230.0, 60.0 * len(names))
    boxes = {}
    for number, name in enumerate(names):
        angle = math.tau * (number + 0.5) / len(names) - math.pi
        height = _HEADING + _LINE * len(_lines(environment, name)) + 12
        boxes[name] = (across * math.cos(angle), up * math.sin(angle) - height / 2, float(_WIDTH), float(height))
    left, top = min(box[0] for box in boxes.values()), min(box[1] for box in boxes.values())
    return {name: (x - left + _MARGIN, y - top + _MARGIN, w, h) for name, (x, y, w, h) in boxes.items()}


def _site(environment: Environment, name: str, box: Box) -> Iterator[str]:
    x, y, width, height = box
    yield f'<rect class="box" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8"/>'
    yield _text(x + 12, y + 20, name, "name")
    site = environment.sites.get(name)
    said = f"{site.role.value}, {site.city}, {site.network}" if site else "not a site of this environment"
    yield _text(x + 12, y + 37, said, "small")
    for number, line in enumerate(_lines(environment, name)):
        yield _text(x + 24, y + _HEADING + 16 + _LINE * number, line, "")


def _text(x: float, y: float, said: str, style: str) -> str:
    return f'<text class="{style}" x="{x:.0f}" y="{y:.0f}">{escape(said)}</text>'


def _arrow(source: Box, destination: Box, number: int, colour: str) -> Iterator[str]:
    """From edge to edge, a little aside so that both directions are seen; its number stands at a third of it."""
    (x1, y1), (x2, y2) = _middle(source), _middle(destination)
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    aside_x, aside_y = -(y2 - y1) / length * 9, (x2 - x1) / length * 9
    (x1, y1), (x2, y2) = _edge(source, (x2, y2)), _edge(destination, (x1, y1))
    x1, y1, x2, y2 = x1 + aside_x, y1 + aside_y, x2 + aside_x, y2 + aside_y
    angle = math.degrees(math.atan2(y2 - y1, x2 - x1))
    yield f'<path d="M{x1:.0f} {y1:.0f}L{x2:.0f} {y2:.0f}" stroke="{colour}" stroke-width="2" fill="none"/>'
    place = f"translate({x2:.0f} {y2:.0f}) rotate({angle:.0f})"
    yield f'<path d="M0 0L-11 -5L-11 5Z" fill="{colour}" transform="{place}"/>'
    x, y = x1 + (x2 - x1) / 3, y1 + (y2 - y1) / 3
    yield f'<circle cx="{x:.0f}" cy="{y:.0f}" r="10" fill="{colour}"/>'
    yield f'<text class="number" x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle">{number}</text>'


def _line(boxes: Mapping[str, Box], one: SeenLine) -> Iterator[str]:
    """From middle to middle, under everything else; the two lines of a pair side by side, one that is down dashed."""
    (x1, y1), (x2, y2) = (_middle(boxes[end.site]) for end in one.line.ends)
    length = math.hypot(x2 - x1, y2 - y1) or 1.0
    aside = _LINES_APART if one.line.rank == 1 else -_LINES_APART
    aside_x, aside_y = -(y2 - y1) / length * aside, (x2 - x1) / length * aside
    dashes = "" if one.state is LineState.UP else ' stroke-dasharray="10 8"'
    yield (
        f'<path class="line" d="M{x1 + aside_x:.0f} {y1 + aside_y:.0f}L{x2 + aside_x:.0f} {y2 + aside_y:.0f}" '
        f'stroke="{_STATES[one.state]}" stroke-width="6" opacity="0.45" fill="none"{dashes}>'
        f"<title>{escape(one.line.name)}: {escape(one.state.value)}</title></path>"
    )


def _middle(box: Box) -> tuple[float, float]:
    x, y, width, height = box
    return x + width / 2, y + height / 2


def _edge(box: Box, towards: tuple[float, float]) -> tuple[float, float]:
    """Where the line from the middle to a point leaves the box."""
    (x, y), (_, _, width, height) = _middle(box), box
    dx, dy = towards[0] - x, towards[1] - y
    share = min(
        [width / 2 / abs(dx) if dx else math.inf, height / 2 / abs(dy) if dy else math.inf, 1.0],
    )
    return x + dx * share, y + dy * share
