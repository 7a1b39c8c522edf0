#!/usr/bin/python3
"""Brings the journal's users, roles, authentication and policy keys to what /etc/dingli/journal-access.json says.

Runs on every member at start and whenever that file changes; waits for a quorum for as long as it takes. It only ever
does what is missing, so members may run it at the same time, and again. Standard library and etcdctl alone.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ACCESS_FILE = Path("/etc/dingli/journal-access.json")
RETRY_S = 1.0
REMIND_S = 30.0
COMMAND_TIMEOUT_S = 5

# etcd leaves the number out when it is 0.
ACCESS_WORDS = {0: "read", 1: "write", 2: "readwrite"}


class Unavailable(Exception):
    """The journal did not answer, or another member's run got in between: try again."""


class Refused(Exception):
    """The journal answered that this is not the user's password."""


@dataclass(frozen=True)
class Permission:
    """What a role may do with a key, or with all keys that begin with it."""

    access: str
    key: str
    prefix: bool


@dataclass(frozen=True)
class Rules:
    """Users with their roles, and roles with their permissions."""

    users: dict[str, frozenset[str]] = field(default_factory=dict)
    roles: dict[str, frozenset[Permission]] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One etcdctl command. `password_of` names the user whose password goes to its standard input."""

    arguments: tuple[str, ...]
    password_of: str | None = None


def plan(wanted: Rules, found: Rules, passwords: frozenset[str]) -> list[Step]:
    """The commands from what was found to what is wanted; none if they are equal. `passwords`: users that have one."""
    steps: list[Step] = []
    for role, permissions in sorted(wanted.roles.items()):
        if role not in found.roles:
            steps.append(Step(("role", "add", role)))
        present = found.roles.get(role, frozenset())
        steps += [_revoke(role, permission) for permission in _sorted(present - permissions)]
        steps += [_grant(role, permission) for permission in _sorted(permissions - present)]
    for user, roles in sorted(wanted.users.items()):
        if user not in found.users:
            steps.append(_add_user(user, user in passwords))
        has = found.users.get(user, frozenset())
        steps += [Step(("user", "grant-role", user, role)) for role in sorted(roles - has)]
        steps += [Step(("user", "revoke-role", user, role)) for role in sorted(has - roles)]
    steps += [Step(("user", "delete", user)) for user in sorted(set(found.users) - set(wanted.users))]
    steps += [Step(("role", "delete", role)) for role in sorted(set(found.roles) - set(wanted.roles) - {"root"})]
    return steps


def policy_needed(wanted: dict, found: dict | None) -> bool:
    """Whether the policy has to be written; the order of cores counts.

    One with a higher revision was set by hand, and stays.
    """
    if found is None:
        return True
    revision = found.get("revision", 0)
    same_cores = list(wanted["cores"].items()) == list(found.get("cores", {}).items())
    return wanted["revision"] > revision or (wanted["revision"] == revision and not same_cores)


def range_end(prefix: str) -> bytes:
    """The end of the range that holds all keys with this prefix, as etcd writes it."""
    raw = prefix.encode()
    return raw[:-1] + bytes([raw[-1] + 1])


def _sorted(permissions: frozenset[Permission]) -> list[Permission]:
    return sorted(permissions, key=lambda item: (item.key, item.access, item.prefix))


def _grant(role: str, permission: Permission) -> Step:
    flags = ("--prefix=true",) if permission.prefix else ()
    return Step(("role", "grant-permission", *flags, role, permission.access, permission.key))


def _revoke(role: str, permission: Permission) -> Step:
    flags = ("--prefix=true",) if permission.prefix else ()
    return Step(("role", "revoke-permission", *flags, role, permission.key))


def _add_user(user: str, with_password: bool) -> Step:
    if with_password:
        return Step(("user", "add", user, "--interactive=false"), password_of=user)
    return Step(("user", "add", user, "--no-password"))


class Journal:
    """The cluster as root sees it.

    Passwords reach etcdctl by standard input or environment: its arguments are visible to every account of the host.
    """

    def __init__(self, access: dict) -> None:
        self.access = access

    def ask(self, *arguments: str, feed: str | None = None, log_on: dict[str, str] | None = None) -> str:
        environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "ETCDCTL_API": "3",
            "ETCDCTL_ENDPOINTS": ",".join(self.access["endpoints"]),
            "ETCDCTL_CACERT": self.access["ca"],
            "ETCDCTL_CERT": self.access["certificate"],
            "ETCDCTL_KEY": self.access["key"],
            **(log_on or {}),
        }
        command = ["etcdctl", f"--command-timeout={COMMAND_TIMEOUT_S}s", *arguments]
        try:
            done = subprocess.run(
                command,
                input=feed,
                capture_output=True,
                text=True,
                env=environment,
                timeout=COMMAND_TIMEOUT_S * 3,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Unavailable(f"etcdctl {arguments[0]}: no answer") from None
        if "invalid user ID or password" in done.stderr:
            raise Refused
        if done.returncode != 0:
            raise Unavailable(f"etcdctl {' '.join(arguments[:3])}: {done.stderr.strip().splitlines()[-1:]}")
        return done.stdout

    def ask_json(self, *arguments: str) -> dict:
        return json.loads(self.ask(*arguments, "--write-out=json"))

    def rules(self) -> Rules:
        users = self.ask_json("user", "list").get("users") or []
        roles = self.ask_json("role", "list").get("roles") or []
        return Rules(
            {user: frozenset(self.ask_json("user", "get", user).get("roles") or []) for user in users},
            {role: self.permissions(role) for role in roles},
        )

    def permissions(self, role: str) -> frozenset[Permission]:
        if role == "root":
            return frozenset()
        entries = self.ask_json("role", "get", role).get("perm") or []
        return frozenset(_permission(entry) for entry in entries)

    def authenticated(self) -> bool:
        return bool(self.ask_json("auth", "status").get("enabled"))

    def policy(self, key: str) -> dict | None:
        entries = self.ask_json("get", key).get("kvs") or []
        return json.loads(base64.b64decode(entries[0]["value"])) if entries else None

    def accepts(self, user: str, password: str) -> bool:
        """Whether this is the user's password: it logs on with it, and asks what every user may ask of itself."""
        try:
            self.ask("user", "get", user, log_on={"ETCDCTL_USER": user, "ETCDCTL_PASSWORD": password})
        except Refused:
            return False
        return True


def _permission(entry: dict) -> Permission:
    key = base64.b64decode(entry["key"]).decode()
    end = base64.b64decode(entry.get("range_end", ""))
    return Permission(ACCESS_WORDS[entry.get("permType", 0)], key, end == range_end(key))


def converge(journal: Journal, access: dict) -> list[str]:
    """One pass. Returns what was done; raises Unavailable if it has to be tried again."""
    wanted = wanted_rules(access)
    passwords = {user: _read(path) for user, path in access["password_files"].items()}
    done = []
    for key, policy in access["policies"].items():
        if policy_needed(policy, journal.policy(key)):
            journal.ask("put", "--", key, json.dumps(policy, separators=(",", ":")))
            done.append(f"put {key}")
    found = journal.rules()
    for step in plan(wanted, found, frozenset(passwords)):
        journal.ask(*step.arguments, feed=passwords[step.password_of] + "\n" if step.password_of else None)
        done.append(" ".join(step.arguments))
    if not journal.authenticated():
        journal.ask("auth", "enable")
        done.append("auth enable")
    for user, password in sorted(passwords.items()):
        if not journal.accepts(user, password):
            journal.ask("user", "passwd", user, "--interactive=false", feed=password + "\n")
            done.append(f"user passwd {user}")
    return done


def wanted_rules(access: dict) -> Rules:
    """What the access file asks for."""
    return Rules(
        {user: frozenset(roles) for user, roles in access["users"].items()},
        {
            role: frozenset(Permission(entry["access"], entry["key"], bool(entry["prefix"])) for entry in entries)
            for role, entries in access["roles"].items()
        },
    )


def _read(path: str) -> str:
    return Path(path).read_text().strip()


def main() -> int:
    access = json.loads(ACCESS_FILE.read_text())
    journal = Journal(access)
    reminded = 0.0
    while True:
        try:
            for line in converge(journal, access):
                print(line, flush=True)
            print("users, roles, authentication and policies are as declared", flush=True)
            return 0
        except Unavailable as error:
            if time.monotonic() - reminded > REMIND_S:
                print(f"waiting for the journal: {error}", flush=True)
                reminded = time.monotonic()
        time.sleep(RETRY_S)


if __name__ == "__main__":
    sys.exit(main())
