"""From plain data to the model: every mistake of shape, and a draft of what remains for the rules to judge.

A single bad host must not hide that the journal is impossible. So whatever does not fit is reported and cut out, and
the rules judge the rest; `Draft.broken` tells them what was cut, lest they report a consequence as a second mistake.
"""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dingli.environment.document import Document, KeyPath
from dingli.environment.model import Environment
from dingli.environment.problems import Problem, near_miss, shown

__all__ = ["Draft", "draft"]

T = TypeVar("T")

_ADDED = ("root_key", "whole")  # fields of the model that are no keys of a file
_NAMED = ("sites", "power", "hosts", "cells", "buckets")
# What takes the place of a value that does not fit, so that the rules can judge its neighbours.
_STAND_INS: dict[KeyPath, Any] = {
    ("name",): "unknown",
    ("kind",): "production",
    ("supernet",): "0.0.0.0/0",
    ("targets",): {"service_rto_s": 1, "member_rto_s": 1, "rpo_commands": 0, "orders_per_s": 1},
    ("sites",): {},
    ("hosts",): {},
    ("hosts", "*", "arch"): "x86_64",
    ("hosts", "*", "os"): "debian-13",
    ("journal",): {"members": []},
    ("cells",): {},
    ("cells", "*", "revision"): 1,
    ("cells", "*", "max_age_ms"): 1,
    ("cells", "*", "ports"): {"core": 1, "core_metrics": 2, "fix": 3, "gateway_metrics": 4},
    ("cells", "*", "instruments"): [],
    ("cells", "*", "cores"): [],
    ("cells", "*", "cores", "*", "kind"): "main",
    ("cells", "*", "cores", "*", "takeover"): "manual",
    ("cells", "*", "cores", "*", "lease_s"): 1,
    ("cells", "*", "gateways"): [],
    ("cells", "*", "sessions"): [],
}
_WHOLE: tuple[KeyPath, ...] = (
    ("sites", "*"),
    ("power", "*"),
    ("hosts", "*"),
    ("cells", "*"),
    ("buckets", "*"),
    ("witnesses", "*"),
    ("journal", "members", "*"),
    ("cells", "*", "instruments", "*"),
    ("cells", "*", "cores", "*"),
    ("cells", "*", "gateways", "*"),
    ("cells", "*", "sessions", "*"),
    ("network", "controllers", "*"),
    ("network", "members", "*"),
    ("network", "also", "*"),
    ("lines", "*"),
)
_OPTIONAL: tuple[KeyPath, ...] = (
    ("hosts", "*", "power"),
    ("hosts", "*", "emulated"),
    ("hosts", "*", "host_key_sha256"),
    ("hosts", "*", "machine_id"),
    ("hosts", "*", "accept_replacement"),
    ("sites", "*", "bastion"),
    ("hosts", "*", "instance_type"),
    ("sites", "*", "hosting"),
    ("sites", "*", "cloud"),
    ("sites", "*", "readiness"),
    ("logs",),
    ("logs", "keep_days"),
    ("logs", "host"),
    ("logs", "port"),
    ("cells", "*", "gateways_running"),
    ("journal", "majority_site"),
    ("journal", "client_port"),
    ("journal", "peer_port"),
    ("state",),
    ("archive",),
    ("owner",),
    ("data_levels",),
    ("data_levels", "*"),
    ("cloud",),
    ("cloud", "port"),
    ("cloud", "region"),
    ("network",),
    ("network", "controllers"),
    ("network", "members"),
    ("network", "also"),
    ("lines",),
)
_MOST_ROUNDS = 8


@dataclass(frozen=True)
class Draft:
    """What could be read of an environment file, and what was cut out of it."""

    environment: Environment
    document: Document
    broken: frozenset[KeyPath]

    def intact(self, *path: str | int) -> bool:
        """True if nothing at or below `path` was cut out."""
        return path not in self._touched

    @cached_property
    def _touched(self) -> frozenset[KeyPath]:
        """Whatever was cut out, and all that is around it."""
        return frozenset(cut[:length] for cut in self.broken for length in range(len(cut) + 1))

    def declares(self, section: str, name: str) -> bool:
        """True if the file has such an entry, even one with mistakes; also when the whole section is unreadable."""
        entries = self.document.data.get(section)
        return not isinstance(entries, Mapping) or name in entries

    def names(self, section: str) -> list[str]:
        """The names that the file gives to the entries of a section."""
        return list(self.document.data.get(section, ()))

    def items(self, path: KeyPath, values: Sequence[T]) -> Iterator[tuple[KeyPath, T]]:
        """The values of the list at `path` that were not cut out, each with its location in the file."""
        places = (index for index in itertools.count() if (*path, index) not in self.broken)
        for place, value in zip(places, values, strict=False):
            yield (*path, place), value

    def problem(self, path: KeyPath, found: str, expected: str) -> Problem:
        """A mistake at `path`."""
        return self.document.problem(path, found, expected)


def draft(document: Document) -> tuple[Draft | None, list[Problem]]:
    """The model of what is readable in `document`, and every mistake of shape. No draft if it is no mapping."""
    if not isinstance(document.data, dict):
        return None, [document.problem((), shown(document.data), "a mapping with name, kind, sites, hosts and so on")]
    problems = [
        document.problem(path, "a key that is not written in this file", "only the keys of docs/environment.md")
        for path in _reserved_keys(document.data)
    ]
    remaining = _named(document.data)
    broken: set[KeyPath] = set()
    for _ in range(_MOST_ROUNDS):
        try:
            return Draft(Environment.model_validate(remaining), document, frozenset(broken)), problems
        except ValidationError as error:
            details = error.errors(include_url=False)
        problems += _problems(document, details)
        _cut(remaining, details, broken)
    return None, problems


def _reserved_keys(data: dict[str, Any]) -> list[KeyPath]:
    found: list[KeyPath] = [(key,) for key in _ADDED if key in data]
    for section in _NAMED:
        entries = data.get(section)
        if isinstance(entries, dict):
            named = [key for key, entry in entries.items() if isinstance(entry, dict) and "name" in entry]
            found += [(section, key, "name") for key in named]
    return found


def _named(data: dict[str, Any]) -> dict[str, Any]:
    """A copy in which sites, hosts and so on carry their key as `name`."""
    result = copy.deepcopy(data)
    for key in _ADDED:
        result.pop(key, None)
    for section in _NAMED:
        entries = result.get(section)
        if isinstance(entries, dict):
            for key, entry in entries.items():
                if isinstance(entry, dict):
                    entry["name"] = key
    return result


def _real_path(data: Any, loc: KeyPath) -> KeyPath:
    """pydantic's location without the parts that no file has (union tags, "[key]"); the last one may be absent."""
    path: list[str | int] = []
    for index, part in enumerate(loc):
        last = index == len(loc) - 1
        if isinstance(data, dict) and isinstance(part, str) and (part in data or (last and part != "[key]")):
            data = data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            continue
        path.append(part)
    return tuple(path)


def _problems(document: Document, details: Sequence[ErrorDetails]) -> list[Problem]:
    return [_problem(document, _real_path(document.data, detail["loc"]), detail) for detail in details]


def _problem(document: Document, path: KeyPath, detail: ErrorDetails) -> Problem:
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    match kind:
        case "dict_type" | "model_type" | "mapping_type" | "model_attributes_type":
            return document.problem(path, shown(value), "a mapping")
        case "tuple_type":
            return document.problem(path, shown(value), "a list")
        case "missing":
            return document.problem(path[:-1], "nothing", f"the key {path[-1]!r}")
        case "extra_forbidden":
            known = _fields_at(detail["loc"][:-1])
            expected = f"one of {', '.join(known)}{near_miss(str(path[-1]), known)}"
            return document.problem(path, f"the unknown key {shown(str(path[-1]))}", expected)
        case "union_tag_not_found":
            return document.problem(path, "nothing", "the key 'driver'")
        case "union_tag_invalid":
            return document.problem((*path, "driver"), shown(context["tag"]), str(context["expected_tags"]))
        case "enum" | "literal_error":
            words = re.findall(r"'([^']*)'", context["expected"])
            hint = near_miss(value, words) if isinstance(value, str) else ""
            return document.problem(path, shown(value), f"{context['expected']}{hint}")
    return document.problem(path, shown(value), detail["msg"].removeprefix("Input should be ").strip())


def _fields_at(loc: KeyPath) -> list[str]:
    """The keys that the model knows at a location, following maps, tuples and tagged unions."""
    here: Any = Environment
    for part in loc:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        elif get_origin(here) is tuple:
            here = get_args(here)[0]
        elif get_origin(here) is Mapping:
            here = get_args(here)[1]
        else:
            here = next(model for model in _models(here) if part in get_args(model.model_fields["driver"].annotation))
        here = _plain(here)
    hidden = _ADDED if here is Environment else ("name",)
    return [field for model in _models(here) for field in model.model_fields if field not in hidden]


def _plain(annotation: Any) -> Any:
    """Without Annotated and `| None`."""
    if hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    choices = [choice for choice in get_args(annotation) if choice is not type(None)]
    optional = type(None) in get_args(annotation) and len(choices) == 1
    return _plain(choices[0]) if optional else annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type):
        return [annotation]
    return [choice for choice in get_args(annotation) if isinstance(choice, type)]


def _cut(data: dict[str, Any], details: Sequence[ErrorDetails], broken: set[KeyPath]) -> None:
    """Take the smallest thing around each mistake out of `data` that can be taken out: a key, an item, an entry."""
    doomed: dict[KeyPath, Any] = {}
    for detail in details:
        path = _real_path(data, detail["loc"])
        if detail["type"] == "extra_forbidden":
            doomed[path] = None
            continue
        path, stand_in = _around(path, is_key=detail["loc"][-1] == "[key]")
        broken.add(path)
        doomed[path] = stand_in
    for path in sorted(doomed, key=lambda path: [str(part).zfill(8) for part in path], reverse=True):
        _replace(data, path, doomed[path])


def _around(path: KeyPath, is_key: bool) -> tuple[KeyPath, Any]:
    """The part of `path` to take out, and what is put there instead (None: nothing)."""
    for length in range(len(path), 0, -1):
        part = path[:length]
        for pattern, stand_in in _STAND_INS.items():
            if not is_key and _matches(part, pattern):
                return part, stand_in
        if any(_matches(part, pattern) for pattern in (*_WHOLE, *_OPTIONAL)):
            return part, None
    return path[:1], None


def _matches(path: KeyPath, pattern: KeyPath) -> bool:
    same_length = len(path) == len(pattern)
    return same_length and all(sign in ("*", part) for part, sign in zip(path, pattern, strict=True))


def _replace(data: Any, path: KeyPath, stand_in: Any) -> None:
    for part in path[:-1]:
        if isinstance(data, list):
            data = data[part] if isinstance(part, int) and part < len(data) else None
        else:
            data = data.get(part) if isinstance(data, dict) else None
    if isinstance(data, dict) and stand_in is not None:
        data[path[-1]] = copy.deepcopy(stand_in)
    elif isinstance(data, dict):
        data.pop(path[-1], None)
    elif isinstance(data, list) and isinstance(path[-1], int) and path[-1] < len(data):
        del data[path[-1]]
