"""What a data centre hands over with its machines: the root key's place and the host keys' fingerprints.

The file is written by others and may be absent; then a copy counts that an import brought from another controller, and
without one host keys are simply not declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dingli.environment import document
from dingli.environment.model import Environment, Host
from dingli.environment.places import state_dir
from dingli.environment.problems import Problem, shown
from dingli.environment.shape import Draft
from dingli.environment.values import Fingerprint, Text

__all__ = ["merge"]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _HandedHost(_Entry):
    host_key_sha256: Fingerprint | None = None


class _Handover(_Entry):
    root_key: Text | None = None
    hosts: Mapping[str, _HandedHost] = Field(default_factory=dict)


def merge(draft: Draft) -> tuple[Environment, list[Problem]]:
    """The environment with the hand-over's keys. A fingerprint that the environment declares otherwise is a mistake."""
    environment = draft.environment
    if environment.handover is None:
        return environment, []
    declared = draft.document.file.parent / environment.handover
    carried = state_dir(environment.name) / "handover.yaml"
    try:
        file = declared if declared.exists() else carried
        if not file.exists():
            return environment, []
    except OSError as error:
        return environment, [draft.problem(("handover",), shown(str(declared)), f"a file's path ({error.strerror})")]
    source, problems = document.read(file)
    if problems:
        return environment, problems
    try:
        handed = _Handover.model_validate(source.data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return environment, [
            source.problem(detail["loc"], shown(detail["input"]), detail["msg"].removeprefix("Input should be "))
            for detail in details
        ]
    return _merged(environment, handed, file), _contradictions(draft, handed, file)


def _merged(environment: Environment, handed: _Handover, file: Path) -> Environment:
    hosts = {
        name: host.model_copy(update={"host_key_sha256": handed.hosts[name].host_key_sha256})
        if name in handed.hosts and host.host_key_sha256 is None and not _is_made(environment, host)
        else host
        for name, host in environment.hosts.items()
    }
    root_key = file.parent / handed.root_key if handed.root_key else None
    return environment.model_copy(update={"hosts": hosts, "root_key": root_key})


def _is_made(environment: Environment, host: Host) -> bool:
    """An instance's key comes from its console; a data centre may still list the machine that it replaced."""
    site = environment.sites.get(host.site)
    return site is not None and site.made


def _contradictions(draft: Draft, handed: _Handover, file: Path) -> list[Problem]:
    return [
        draft.problem(
            ("hosts", name, "host_key_sha256"),
            str(host.host_key_sha256),
            f"{handed.hosts[name].host_key_sha256}, as {file} says",
        )
        for name, host in draft.environment.hosts.items()
        if host.host_key_sha256
        and name in handed.hosts
        and handed.hosts[name].host_key_sha256 not in (None, host.host_key_sha256)
    ]
