"""`pytest audit/ --hosts=ssh://dingli-audit@ADDRESS?ssh_config=FILE,… [--environment=NAME]`: one test a host × item.

testinfra's plug-in gives `host`; each host is examined once, however many items are asked for. What a host should be is
taken from the environment that declares its address; without one, points that compare with a declaration are errors.
Nothing is kept: use `dingli audit` for evidence, and for what is no host.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from testinfra.host import Host

from audit.checks.collect import collect
from audit.checks.reach import reach
from audit.gathering import listening, with_declaration
from audit.objects import ObjectKind, declarations
from audit.records import ObjectEvidence, Record, StoredRecord, sha256
from dingli.environment import load


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--environment", help="environment (name or file) that declares the hosts")


@pytest.fixture(scope="session")
def _examined() -> dict[str, ObjectEvidence]:
    return {}


@pytest.fixture
def evidence(host: Host, _examined: dict[str, ObjectEvidence], pytestconfig: pytest.Config) -> ObjectEvidence:
    """All records of the host that testinfra connects to."""
    if host.backend.NAME != "ssh":
        raise pytest.UsageError("no hosts to audit: name them with --hosts=ssh://dingli-audit@ADDRESS")
    name = str(host.backend.get_pytest_id())
    if name not in _examined:
        records = (*collect(name, host), *_declared(name, host, pytestconfig.getoption("--environment")))
        ports = sorted(listening(records))
        records = (*records, reach(name, str(host.backend.host.name), [22, *ports]))
        stored = {
            record.name: StoredRecord(file=record.name, sha256=sha256(record.to_bytes()), record=record)
            for record in records
        }
        _examined[name] = ObjectEvidence(name=name, kind=ObjectKind.HOST, records=stored)
    return _examined[name]


def _declared(name: str, host: Host, environment: str | None) -> tuple[Record, ...]:
    """The declaration of the host with this address, if there is one."""
    if environment is None:
        return ()
    described = load(environment)
    for kind, said in declarations(described).values():
        if kind is ObjectKind.HOST and host.backend.host.name in (said["address"], said["host"]):
            return with_declaration(name, said, (), datetime.now(UTC), described.name)
    return ()
