"""The journal's members, in etcd's own words."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.certificates import pki_file
from dingli.environment.etcd import client_url

__all__ = ["MemberStatus", "ask_member", "ask_members", "parse_member", "status_command"]


@dataclass(frozen=True)
class MemberStatus:
    """What a member said of itself; ids are 0 where it said nothing. `reached`: its host answered the controller."""

    name: str
    reached: bool = True
    answered: bool = False
    member_id: int = 0
    leader_id: int = 0
    db_bytes: int = 0
    raft_index: int = 0
    """The newest index that it knows to be committed."""
    applied_index: int = 0
    errors: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether it answers and knows a leader."""
        return self.answered and self.leader_id != 0

    @property
    def leads(self) -> bool:
        """Whether it leads the journal."""
        return self.healthy and self.leader_id == self.member_id


def status_command(environment: Environment, member: str) -> list[str]:
    """What to run on the member's host, as root."""
    return [
        "etcdctl", "--endpoints", client_url(environment, member), "--cacert", "/etc/dingli/pki/ca.crt",
        "--cert", pki_file("etcd", "crt"), "--key", pki_file("etcd", "key"), "--command-timeout", "3s",
        "endpoint", "status", "-w", "json",
    ]  # fmt: skip


def parse_member(name: str, output: str) -> MemberStatus:
    """What the command printed; a member that said nothing useful has not answered."""
    try:
        said = json.loads(output)[0]["Status"]
        return MemberStatus(
            name,
            answered=True,
            member_id=said["header"]["member_id"],
            leader_id=said.get("leader", 0),
            db_bytes=said.get("dbSize", 0),
            raft_index=said.get("raftIndex", 0),
            applied_index=said.get("raftAppliedIndex", 0),
            errors=tuple(said.get("errors") or ()),
        )
    except (ValueError, LookupError, TypeError):
        return MemberStatus(name)


def ask_member(environment: Environment, member: str) -> MemberStatus:
    """One member, over SSH."""
    command = "sudo -n " + shlex.join(status_command(environment, member))
    try:
        connection = ssh.connect(ssh.target(environment, member), timeout_s=5)
    except ssh.SshError:
        return MemberStatus(member, reached=False)
    with connection:
        try:
            return parse_member(member, connection.run(command, timeout_s=15, check=False).stdout)
        except ssh.SshError:
            return MemberStatus(member)


def ask_members(environment: Environment, members: Iterable[str]) -> tuple[MemberStatus, ...]:
    """Several at once."""
    with ThreadPoolExecutor(max(1, len(environment.journal.members))) as executor:
        return tuple(executor.map(lambda name: ask_member(environment, name), members))
