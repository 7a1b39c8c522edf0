"""Getting onto a host: as the deploy account if it was adopted, else with the root key that was handed over."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from dingli import ssh
from dingli.check.facts import COMMAND, Facts, parse
from dingli.check.finding import Finding, State
from dingli.environment import Environment

__all__ = ["Seen", "bastion_finding", "connect", "look"]

_CONNECT_S = 10
_PATIENCE_S = 30  # with a server that took the connection, and may be a slow host's
_SCRIPT_S = 120


@dataclass(frozen=True)
class Seen:
    """What came of asking a host: how the contact went, and facts if there were any.

    `sent_s` and `answered_s` are the controller's clock before the question and after the answer.
    """

    host: str
    contact: tuple[Finding, ...]
    account: str = ""
    facts: Facts | None = None
    sent_s: float = 0.0
    answered_s: float = 0.0


def look(environment: Environment, host: str, script: str) -> Seen:
    """Connect and ask. Whatever goes wrong is a finding."""
    declared = environment.hosts[host].host_key_sha256
    if environment.site_of(host).made and not _is_adopted(environment, host):
        return Seen(host, (_not_made(host),))
    try:
        with connect(environment, host) as connection:
            found = ssh.fingerprint(connection.host_key)
            contact = (
                Finding(host, "ssh", State.GOOD, f"as {connection.target.user}"),
                Finding(host, "host key", State.GOOD, found if declared else f"{found}, known since it was adopted"),
            )
            sent_s = time.time()
            output = connection.run(COMMAND, stdin=script, timeout_s=_SCRIPT_S, check=False).stdout
            answered_s = time.time()
            account = connection.target.user
        return Seen(host, contact, account, parse(host, output), sent_s, answered_s)
    except ssh.HostKeyRefused as error:
        reached = Finding(host, "ssh", State.GOOD, "a server answers")
        key = Finding(host, "host key", State.FAILED, error.found_key, error.expected, error.remedy)
        return Seen(host, (reached, key))
    except ssh.AuthenticationRefused as error:
        key = Finding(host, "host key", State.GOOD, "as expected")
        return Seen(host, (_failed(host, error), key))
    except ssh.CommandFailed as error:
        return Seen(host, (_failed(host, error), Finding(host, "host key", State.GOOD, "as expected")))
    except ssh.SshError as error:
        return Seen(host, (_failed(host, error),))


def bastion_finding(environment: Environment, site: str) -> Finding | None:
    """Whether a site's bastion lets us in with the key that its hosts would be reached with; None without a bastion."""
    bastion = environment.sites[site].bastion
    hosts = environment.hosts_at(site)
    if bastion is None or not hosts:
        return None
    subject = f"bastion of {site}"
    behind = _targets(environment, hosts[0].name)
    if not behind:
        return _failed(subject, _no_key(environment))
    jump = replace(
        behind[0], name=subject, address=str(bastion.address), port=bastion.port, user=bastion.user, jump=None
    )
    try:
        ssh.connect(jump, host_key_sha256=bastion.host_key_sha256, timeout_s=_CONNECT_S).close()
    except ssh.SshError as error:
        return _failed(subject, error)
    return Finding(subject, "ssh", State.GOOD, f"as {bastion.user} at {bastion.address}")


def connect(environment: Environment, host: str) -> ssh.Connection:
    """Open a connection as one of those accounts. Raises SshError."""
    targets = _targets(environment, host)
    if not targets:
        raise _no_key(environment)
    declared = environment.hosts[host].host_key_sha256
    if declared is None and (targets[0].address, targets[0].port) not in ssh.KnownHosts(targets[0].known_hosts):
        raise _undeclared_key(targets[0])
    refused: ssh.AuthenticationRefused | None = None
    for target in targets:
        try:
            return ssh.connect(target, host_key_sha256=declared, timeout_s=_CONNECT_S, patience_s=_PATIENCE_S)
        except ssh.AuthenticationRefused as error:
            refused = error
    assert refused is not None
    raise refused


def _is_adopted(environment: Environment, host: str) -> bool:
    target = ssh.target(environment, host)
    return (target.address, target.port) in ssh.KnownHosts(target.known_hosts)


def _not_made(host: str) -> Finding:
    """An instance: before the first `up` there is nothing to be looked at."""
    return Finding(
        host,
        "ssh",
        State.UNKNOWN,
        "its stack has not made it yet",
        "an instance",
        "`dingli up` makes it; then ask again",
    )


def _targets(environment: Environment, host: str) -> list[ssh.Target]:
    """The accounts to try, the deploy account first; only those whose key exists."""
    found: list[ssh.Target] = []
    if ssh.deploy_key(environment.name).is_file():
        found.append(ssh.target(environment, host))
    root_key: Path | None = environment.root_key
    if root_key is not None and root_key.is_file():
        found.append(ssh.target(environment, host, user="root", key=root_key))
    return found


def _no_key(environment: Environment) -> ssh.SshError:
    expected = f"the deploy key of {environment.name}, or the root key of the hand-over"
    where = environment.root_key or environment.handover
    found = f"no key to log in with ({where} cannot be read)" if where else "no key to log in with"
    return ssh.AuthenticationRefused(found, expected, "write `handover:` in the environment file, see its root_key")


def _undeclared_key(target: ssh.Target) -> ssh.SshError:
    offered = ssh.offered_fingerprints(target, _CONNECT_S)
    keys = ", ".join(f"{kind} {print_}" for kind, print_ in offered.items()) or "nothing"
    return ssh.HostKeyRefused(target.name, f"cannot be checked; the server offers {keys}", "a declared host_key_sha256")


def _failed(subject: str, error: ssh.SshError) -> Finding:
    return Finding(subject, "ssh", State.FAILED, error.found, error.expected, error.remedy)
