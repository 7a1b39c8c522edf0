"""The audit sees what is broken: a setting is broken on a host, the audit says 不符合, it is put back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from audit import catalogue
from audit.checks import collect
from audit.checks.reach import reach
from audit.gathering import listening, with_declaration
from audit.judgement import engine, policy
from audit.judgement.engine import ObjectResult, SubPointResult
from audit.judgement.verdict import Verdict
from audit.objects import ObjectKind, declarations
from audit.records import ObjectEvidence, Record, StoredRecord, sha256
from dingli import ssh
from dingli.environment import Environment, SiteRole, load, state_dir
from tests.live.audit.breakage import BREAKAGES, Breakage, as_root, broken


@pytest.fixture(scope="module")
def environment() -> Environment:
    return load(os.environ.get("DINGLI_ENVIRONMENT", "lab"))


@pytest.fixture(scope="module")
def host(environment: Environment) -> str:
    """A host of the operations site: breaking its settings disturbs no trading."""
    return next(name for name in environment.hosts if environment.site_of(name).role is SiteRole.OPS)


@pytest.fixture(scope="module")
def administrator(environment: Environment, host: str) -> Iterator[ssh.Connection]:
    with ssh.connect(ssh.target(environment, host)) as connection:
        for breakage in BREAKAGES:
            as_root(connection, breakage.restore)
        yield connection


def judged(environment: Environment, host: str, records: tuple[Record, ...]) -> dict[str, ObjectResult]:
    """The host's rows by item."""
    said = declarations(environment)[host][1]
    everything = with_declaration(host, said, records, datetime.now(UTC), environment.name)
    stored = {one.name: StoredRecord(file=one.name, sha256=sha256(one.to_bytes()), record=one) for one in everything}
    evidence = ObjectEvidence(name=host, kind=ObjectKind.HOST, records=stored)
    rows = engine.judge([evidence], catalogue.load(), policy.load()).objects
    return {row.item: row for row in rows if row.kind is ObjectKind.HOST}


def audited(environment: Environment, host: str, *, try_passwords: bool) -> dict[str, ObjectResult]:
    """The rows of one host, gathered now, by item."""
    key = state_dir(environment.name) / "secrets" / "audit_key"
    target = ssh.target(environment, host, user=collect.ACCOUNT, key=key)
    reached = collect.connect(target.address, ssh.openssh_options(target), port=target.port)
    records = collect.collect(host, reached, try_passwords=try_passwords)
    return judged(environment, host, (*records, reach(host, target.address, [22, *listening(records)])))


def point_of(rows: dict[str, ObjectResult], breakage: Breakage) -> SubPointResult:
    return next(point for point in rows[breakage.item].sub_points if point.key == breakage.sub_point)


@pytest.mark.usefixtures("administrator")
def test_a_whole_host_complies_where_the_next_tests_break_it(environment: Environment, host: str) -> None:
    rows = audited(environment, host, try_passwords=True)
    for breakage in BREAKAGES:
        assert point_of(rows, breakage).verdict is Verdict.COMPLIANT, point_of(rows, breakage).text_zh


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.item)
def test_a_broken_setting_is_seen(
    environment: Environment, host: str, administrator: ssh.Connection, breakage: Breakage
) -> None:
    with broken(administrator, breakage):
        found = point_of(audited(environment, host, try_passwords=breakage.tries_passwords), breakage)
    assert found.verdict is Verdict.NONCOMPLIANT, found.text_zh


@pytest.mark.usefixtures("administrator")
def test_a_repair_is_seen_too(environment: Environment, host: str) -> None:
    rows = audited(environment, host, try_passwords=True)
    for breakage in BREAKAGES:
        assert point_of(rows, breakage).verdict is Verdict.COMPLIANT, point_of(rows, breakage).text_zh


@pytest.mark.usefixtures("administrator")
def test_the_audits_account_can_do_nothing_else_as_root(environment: Environment, host: str) -> None:
    key = state_dir(environment.name) / "secrets" / "audit_key"
    target = ssh.target(environment, host, user=collect.ACCOUNT, key=key)
    with ssh.connect(target) as connection:
        for command in (
            "cat /etc/shadow",
            "/usr/local/libexec/dingli/audit-facts",
            "/usr/local/libexec/dingli/audit-facts 198.18.9.1 extra",
            "/usr/local/libexec/dingli/audit-facts $(reboot)",
            "/usr/local/libexec/dingli/credential-probe extra",
            "/usr/bin/passwd -S -a",
        ):
            refused = connection.run(f"sudo -n {command}", check=False)
            assert refused.status != 0
            assert "sudo:" in refused.stderr, command


def test_a_host_without_the_account_is_an_error_on_every_item(environment: Environment, host: str) -> None:
    address = str(environment.hosts[host].address)
    options = ["-F", "none", "-o", "IdentityFile=none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    options += ["-o", f"UserKnownHostsFile={ssh.known_hosts_file(environment.name)}", "-o", "StrictHostKeyChecking=yes"]
    rows = judged(environment, host, collect.collect(host, collect.connect(address, options)))
    assert {row.verdict for row in rows.values()} == {Verdict.ERROR}
