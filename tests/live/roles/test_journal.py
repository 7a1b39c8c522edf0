"""The journal's cluster: its health, and what whose credentials can do, tried on the real one."""

from __future__ import annotations

import json
import re
import time

import pytest

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.services import core_configuration
from tests.live.roles.conftest import Hosts
from tests.live.roles.site_play import Play

pytestmark = pytest.mark.usefixtures("applied")

_NOBODYS = "/dingli/v1/alpha/probe"
_PATIENCE_S = 60
# What etcdctl and the JSON gateway say while members elect a leader, which takes a busy machine's stall: no answer.
_ELECTING = re.compile("no leader|leader changed|timed out|deadline exceeded|code = Unavailable|HTTP Error 50[34]")


def etcdctl(environment: Environment, certificate: str, command: str, member: str) -> str:
    """The command line that runs `command` with a certificate of the host it runs on."""
    pki = "/etc/dingli/pki"
    endpoint = f"https://{environment.hosts[member].address}:{environment.journal.client_port}"
    files = f"--cacert {pki}/ca.crt --cert {pki}/{certificate}.crt --key {pki}/{certificate}.key"
    return f"etcdctl --command-timeout=10s --endpoints {endpoint} {files} {command} 2>&1"


def answered(hosts: Hosts, host: str, command: str, stdin: str | None = None) -> ssh.Result:
    """What the journal says to a command that does the same when it is given twice; asked again during an election."""
    deadline = time.monotonic() + _PATIENCE_S
    while _ELECTING.search((result := hosts.run(host, command, stdin=stdin, check=False)).stdout + result.stderr):
        assert time.monotonic() < deadline, result
        time.sleep(0.5)
    return result


@pytest.fixture(scope="module", autouse=True)
def ready(environment: Environment, hosts: Hosts) -> None:
    """The bootstrap runs in the background; wait for its end on every member."""
    deadline = time.monotonic() + _PATIENCE_S
    for member in environment.journal.members:
        while hosts.run(member, "systemctl is-active dingli-journal-bootstrap", check=False).stdout.strip() != "active":
            assert time.monotonic() < deadline, hosts.run(member, "journalctl -n 20 -u dingli-journal-bootstrap").stdout
            time.sleep(0.2)


@pytest.fixture(scope="module")
def gateway(environment: Environment) -> str:
    """A host with a gateway, and no core or journal member."""
    cell = environment.cells["alpha"]
    return next(host for host in cell.gateways if host not in environment.journal.members)


@pytest.fixture(scope="module")
def core(environment: Environment) -> str:
    return next(core.host for core in environment.cells["alpha"].cores if core.kind == "main")


def test_every_member_is_healthy_and_they_are_one_cluster(environment: Environment, hosts: Hosts) -> None:
    members = environment.journal.members
    command = etcdctl(environment, "etcd-root", "endpoint status --cluster --write-out=json", members[0])

    def found() -> tuple[int, int, int, list[str]]:
        """How many members, clusters and leaders there are, and what is wrong: not the same during an election."""
        listed = json.loads(answered(hosts, members[0], command).stdout.splitlines()[-1])
        status = [entry["Status"] for entry in listed]
        clusters, leaders = ({entry["header"]["cluster_id"] for entry in status}, {entry["leader"] for entry in status})
        return len(status), len(clusters), len(leaders), [str(entry["errors"]) for entry in status if "errors" in entry]

    deadline = time.monotonic() + _PATIENCE_S
    while (now := found()) != (len(members), 1, 1, []):
        assert time.monotonic() < deadline, now
        time.sleep(0.5)


def test_authentication_is_on(environment: Environment, hosts: Hosts) -> None:
    member = environment.journal.members[0]
    answer = answered(hosts, member, etcdctl(environment, "etcd-root", "auth status", member)).stdout
    assert "Authentication Status: true" in answer


@pytest.mark.parametrize("key", ["log/0000000000000001", "leader", "policy", "handover", "quarantine/primary-1:main"])
def test_a_gateways_credentials_write_no_entry_and_no_leader_key(
    environment: Environment, hosts: Hosts, gateway: str, key: str
) -> None:
    member = environment.journal.members[0]
    for command in (f"put /dingli/v1/alpha/{key} forged", f"del /dingli/v1/alpha/{key}"):
        result = answered(hosts, gateway, etcdctl(environment, "gateway-alpha", command, member))
        assert result.status != 0
        assert "permission denied" in result.stdout


def test_a_gateways_credentials_write_no_entry_in_a_transaction(
    environment: Environment, hosts: Hosts, gateway: str
) -> None:
    transaction = (
        'ver("/dingli/v1/alpha/log/0000000000000001") = "0"\n\nput /dingli/v1/alpha/log/0000000000000001 forged\n\n\n'
    )
    command = etcdctl(environment, "gateway-alpha", "txn", environment.journal.members[0])
    result = answered(hosts, gateway, command, stdin=transaction)
    assert "permission denied" in result.stdout


def test_a_gateway_sees_who_leads_and_nothing_else(environment: Environment, hosts: Hosts, gateway: str) -> None:
    member = environment.journal.members[0]

    def asked(command: str) -> ssh.Result:
        return answered(hosts, gateway, etcdctl(environment, "gateway-alpha", command, member))

    policy = asked("get --print-value-only /dingli/v1/alpha/policy")
    assert next(iter(json.loads(policy.stdout)["cores"])) == "primary-1/main"
    assert asked("get /dingli/v1/alpha/leader").status == 0
    refused = asked("get --prefix /dingli/v1/alpha/log/")
    assert "permission denied" in refused.stdout


def test_a_main_core_writes_its_cell_and_nothing_beside(environment: Environment, hosts: Hosts, core: str) -> None:
    member = environment.journal.members[0]

    def asked(command: str) -> ssh.Result:
        return answered(hosts, core, etcdctl(environment, "core-alpha", command, member))

    assert "OK" in asked(f"put {_NOBODYS} here").stdout
    assert asked(f"del {_NOBODYS}").status == 0
    for key in ("/dingli/v1/beta/log/0000000000000001", "/dingli/v1/alph", "/other"):
        assert "permission denied" in asked(f"put {key} x").stdout


def test_a_members_own_certificate_is_no_user(environment: Environment, hosts: Hosts) -> None:
    member = environment.journal.members[0]
    for command in ("get /dingli/v1/alpha/policy", f"put {_NOBODYS} x"):
        result = answered(hosts, member, etcdctl(environment, "etcd", command, member))
        assert result.status != 0


def test_without_a_certificate_there_is_no_connection(environment: Environment, hosts: Hosts) -> None:
    member = environment.journal.members[0]
    address = f"https://{environment.hosts[member].address}:2379"
    result = hosts.run(
        member,
        f"curl --silent --show-error --cacert /etc/dingli/pki/ca.crt {address}/v3/auth/status -d {{}}",
        check=False,
    )
    assert result.status != 0


_MINIMAL = """
import base64, json, ssl, sys, urllib.request
url, user, certificate, password = *sys.argv[1:4], sys.stdin.read().strip()
context = ssl.create_default_context(cafile="/etc/dingli/pki/ca.crt")
context.load_cert_chain(certificate, certificate.replace(".crt", ".key"))
def ask(path, body, **headers):
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    return json.loads(urllib.request.urlopen(request, context=context, timeout=10).read())
token = ask("/v3/auth/authenticate", {"name": user, "password": password})["token"]
key = base64.b64encode(b"/dingli/v1/alpha/probe-minimal").decode()
ask("/v3/kv/put", {"key": key, "value": ""}, Authorization=token)
print(ask("/v3/kv/deleterange", {"key": key}, Authorization=token)["deleted"])
"""


def test_a_minimal_core_writes_through_the_json_gateway_with_its_password(
    environment: Environment, hosts: Hosts
) -> None:
    minimal = {core.host for core in environment.cells["alpha"].cores if core.kind == "minimal"}
    member = next(name for name in environment.journal.members if name in minimal)
    settings = core_configuration(environment, "alpha", member)["etcd"]
    probe = f"python3 /run/dingli-probe.py {settings['endpoints'][0]} {settings['user']} {settings['cert']}"
    hosts.run(member, "cat > /run/dingli-probe.py", stdin=_MINIMAL)
    answer = answered(hosts, member, f"{probe} < /etc/dingli/secrets/minicore-alpha.password")
    assert answer.stdout.strip() == "1", answer.stderr
    refused = answered(hosts, member, f"echo wrong | {probe}")
    hosts.run(member, "rm /run/dingli-probe.py")
    assert "HTTP Error 400" in refused.stderr


def test_the_cluster_runs_with_the_declared_settings(environment: Environment, hosts: Hosts) -> None:
    for member in environment.journal.members:
        logged = hosts.run(member, "cat /etc/etcd/etcd.yaml").stdout
        for line in (
            "quota-backend-bytes: 8589934592",
            "snapshot-count: 10000",
            "heartbeat-interval: 50",
            "election-timeout: 500",
            "grpc-keepalive-min-time: 200000000",
            "client-cert-auth: true",
        ):
            assert line in logged


def test_a_password_that_was_changed_by_hand_is_set_again(
    environment: Environment, hosts: Hosts, applied: Play
) -> None:
    member = environment.journal.members[0]
    change = etcdctl(environment, "etcd-root", "user passwd minicore-alpha --interactive=false", member)
    assert answered(hosts, member, change, stdin="changed-by-hand\n").status == 0
    began = hosts.run(member, "date +%s").stdout.strip()
    hosts.run(member, "systemctl restart dingli-journal-bootstrap", check=False)
    said = f"journalctl --no-pager -o cat --since=@{began} -u dingli-journal-bootstrap"
    deadline = time.monotonic() + _PATIENCE_S
    # What a service says may reach the log after its end; and without a leader it has to begin again.
    while "user passwd minicore-alpha" not in (found := hosts.run(member, said, check=False).stdout):
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
