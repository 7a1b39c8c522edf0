"""Reading a YAML file into plain data that remembers its line numbers."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dingli.environment.problems import Problem, plain

__all__ = ["Document", "KeyPath", "read"]

KeyPath = tuple[str | int, ...]

# Far above what an installation needs, and low enough that judging the worst file takes seconds.
MOST_BYTES = 1024 * 1024
MOST_VALUES = 20_000
MOST_LEVELS = 16

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """YAML with the booleans of version 1.2: `on` and `off` stay words (power drivers have keys of that name)."""


_DROPPED = {"tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _DROPPED]
    for first, resolvers in _Base.yaml_implicit_resolvers.items()
}
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


@dataclass(frozen=True)
class Document:
    """A YAML file: its data, and on which line each key or list item stands."""

    file: Path
    data: Any
    lines: dict[KeyPath, int]

    def line(self, path: KeyPath) -> int:
        """The line of `path`, or of the nearest thing around it that the file has."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: KeyPath, found: str, expected: str) -> Problem:
        """A mistake at `path` of this file."""
        return Problem(file=self.file, line=self.line(path), where=dotted(path), found=found, expected=expected)


def dotted(path: KeyPath) -> str:
    """`("cells", "a", "cores", 0)` as a person writes it: `cells.a.cores[0]`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{plain(part)}" if text else plain(part)
    return text


@dataclass
class _Walk:
    """Turns nodes into data; collects what is wrong instead of stopping at the first."""

    file: Path
    lines: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def report(self, node: yaml.Node, path: KeyPath, found: str, expected: str) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(self.file, line, dotted(path), found, expected))

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.seen:
            found, expected = "an alias (*name)", "the value written out"  # the node itself stands at its anchor
            self.problems.append(Problem(self.file, self.lines[path], dotted(path), found, expected))
            return None
        self.seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self.scalar(node, path)

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.report(key_node, path, "a list or mapping used as a key", "a word")
                continue
            key = str(key_node.value)
            if key in result:
                self.report(key_node, (*path, key), f"the key {key!r} a second time", "each key once")
                continue
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            result[key] = self.value(value_node, (*path, key))
        return result

    def scalar(self, node: Any, path: KeyPath) -> Any:
        text = str(node.value)
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str":
            return _BOOLEANS.get(text, text) if not node.style else text
        try:
            if kind == "null":
                return None
            if kind in ("int", "float"):
                return yaml.constructor.SafeConstructor().construct_object(node)
        except (ValueError, OverflowError, IndexError):  # IndexError: `!!int ""`
            self.report(node, path, repr(text[:60]), "a number")
            return None
        self.report(node, path, f"the tag {node.tag!r}", "plain text, numbers, true and false")
        return None


def read(file: Path) -> tuple[Document, list[Problem]]:
    """Read `file`. The document is empty (data None) when the file cannot be parsed; the problems say why."""
    nothing = Document(file, None, {})
    try:
        text = _content(file).decode("utf-8")
    except UnicodeDecodeError as error:
        return nothing, [Problem(file, 1, "", f"a byte that is no UTF-8 at offset {error.start}", "UTF-8 text")]
    except OSError as error:
        return nothing, [Problem(file, 1, "", error.strerror or "an unreadable file", "a file that can be read")]
    if len(text) > MOST_BYTES:
        return nothing, [Problem(file, 1, "", "a file without end in sight", f"at most {MOST_BYTES} bytes")]
    try:
        excess = _excess(file, text)
        if excess is not None:
            return nothing, [excess]
        node = yaml.compose(text, Loader=_Loader)
        walk = _Walk(file)
        data = walk.value(node, ()) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        return nothing, [Problem(file, line, "", plain(getattr(error, "problem", None) or str(error)), "YAML")]
    if data is None and not walk.problems:
        return nothing, [Problem(file, 1, "", "an empty file", "an environment")]
    return Document(file, data, walk.lines), walk.problems


def _content(file: Path) -> bytes:
    """The first MOST_BYTES + 1 bytes of a regular file; OSError for a pipe or a device, which might never end."""
    if not stat.S_ISREG(file.stat().st_mode):
        raise OSError(0, "something that is no regular file")
    with file.open("rb") as opened:
        return opened.read(MOST_BYTES + 1)


def _excess(file: Path, text: str) -> Problem | None:
    """What is too deep or too much to be read. Nesting must be judged on events: composing overflows the C stack."""
    level = values = 0
    for event in yaml.parse(text, Loader=_Loader):
        values += isinstance(event, yaml.NodeEvent)
        level += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if level > MOST_LEVELS:
            return Problem(file, line, "", "values nested too deeply", f"at most {MOST_LEVELS} levels")
        if values > MOST_VALUES:
            return Problem(file, line, "", f"more than {MOST_VALUES} values", "no more than a thousand hosts need")
    return None
