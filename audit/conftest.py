"""`pytest audit/ --hosts=ssh://dingli-audit@ADDRESS?ssh_config=FILE,…`: one test for each object × item.

testinfra's plug-in gives `host`; each host is examined once, however many items are asked for. Nothing is kept: use
`dingli audit` for evidence.
"""

from __future__ import annotations

import pytest
from testinfra.host import Host

from audit.catalogue import ObjectClass
from audit.checks.collect import collect
from audit.records import ObjectEvidence, StoredRecord, sha256


@pytest.fixture(scope="session")
def _examined() -> dict[str, ObjectEvidence]:
    return {}


@pytest.fixture
def evidence(host: Host, _examined: dict[str, ObjectEvidence]) -> ObjectEvidence:
    """All records of the host that testinfra connects to."""
    if host.backend.NAME != "ssh":
        raise pytest.UsageError("no hosts to audit: name them with --hosts=ssh://dingli-audit@ADDRESS")
    name = str(host.backend.get_pytest_id())
    if name not in _examined:
        records = collect(name, host)
        stored = {
            record.name: StoredRecord(file=record.name, sha256=sha256(record.to_bytes()), record=record)
            for record in records
        }
        _examined[name] = ObjectEvidence(name=name, object_class=ObjectClass.HOST, records=stored)
    return _examined[name]
