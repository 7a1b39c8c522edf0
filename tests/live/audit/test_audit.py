"""Each automatic item is proven to fail: a setting is broken on a host, the audit says 不符合, it is put back."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from audit import catalogue
from audit.catalogue import ObjectClass
from audit.checks import collect
from audit.judgement import engine, policy
from audit.judgement.engine import ObjectResult
from audit.judgement.verdict import Verdict
from audit.records import ObjectEvidence, StoredRecord, sha256
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


def audited(environment: Environment, host: str) -> dict[str, ObjectResult]:
    """The rows of one host, gathered now, by item."""
    key = state_dir(environment.name) / "secrets" / "audit_key"
    target = ssh.target(environment, host, user=collect.ACCOUNT, key=key)
    records = collect.collect(host, collect.connect(target.address, ssh.openssh_options(target), port=target.port))
    stored = {one.name: StoredRecord(file=one.name, sha256=sha256(one.to_bytes()), record=one) for one in records}
    evidence = ObjectEvidence(name=host, object_class=ObjectClass.HOST, records=stored)
    rows = engine.judge([evidence], catalogue.load(), policy.load()).objects
    return {row.item: row for row in rows if row.object_class is ObjectClass.HOST}


def test_every_automatic_item_is_broken_by_one_of_these() -> None:
    assert {breakage.item for breakage in BREAKAGES} == {rule.item_id for rule in engine.HOST_RULES}


@pytest.mark.parametrize("breakage", BREAKAGES, ids=lambda one: one.item)
def test_a_broken_setting_is_seen_and_its_repair_too(
    environment: Environment, host: str, administrator: ssh.Connection, breakage: Breakage
) -> None:
    with broken(administrator, breakage):
        found = audited(environment, host)[breakage.item]
        point = next(point for point in found.sub_points if point.key == breakage.sub_point)
        assert point.verdict is Verdict.NONCOMPLIANT, point.text_zh
        assert found.verdict is Verdict.NONCOMPLIANT, found.text_zh
    repaired = audited(environment, host)[breakage.item]
    assert repaired.verdict is Verdict.COMPLIANT, repaired.text_zh


@pytest.mark.usefixtures("administrator")
def test_the_audits_account_can_do_nothing_else_as_root(environment: Environment, host: str) -> None:
    key = state_dir(environment.name) / "secrets" / "audit_key"
    target = ssh.target(environment, host, user=collect.ACCOUNT, key=key)
    with ssh.connect(target) as connection:
        for command in (
            "cat /etc/shadow",
            "/usr/sbin/sshd -T -f /etc/shadow -C user=root,host=h,addr=192.0.2.1",
            "/usr/sbin/sshd -T -C user=root,host=h,addr=192.0.2.1 -f /etc/shadow",
            "/usr/bin/passwd -S -a -R /tmp",
            "/usr/local/libexec/dingli/credential-probe extra",
            "/usr/bin/grep -rih match /etc/ssh/sshd_config /etc/ssh/sshd_config.d /etc/shadow",
        ):
            refused = connection.run(f"sudo -n {command}", check=False)
            assert refused.status != 0
            assert "sudo:" in refused.stderr, command


def test_a_host_without_the_account_is_an_error_on_every_item(environment: Environment, host: str) -> None:
    address = str(environment.hosts[host].address)
    options = ["-F", "none", "-o", "IdentityFile=none", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
    options += ["-o", f"UserKnownHostsFile={ssh.known_hosts_file(environment.name)}", "-o", "StrictHostKeyChecking=yes"]
    records = collect.collect(host, collect.connect(address, options))
    stored = {one.name: StoredRecord(file=one.name, sha256=sha256(one.to_bytes()), record=one) for one in records}
    evidence = ObjectEvidence(name=host, object_class=ObjectClass.HOST, records=stored)
    rows = engine.judge([evidence], catalogue.load(), policy.load()).objects
    assert {row.verdict for row in rows if row.object_class is ObjectClass.HOST} == {Verdict.ERROR}
