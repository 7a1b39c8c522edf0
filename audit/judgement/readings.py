"""Readings: what commands print, taken apart strictly. Anything unexpected is an EvidenceError, never a guess."""

from __future__ import annotations

import re
from dataclasses import dataclass

from audit.exceptions import EvidenceError
from audit.records import ObjectEvidence

_NO_SHELL = ("nologin", "false", "true", "sync")
_PASSWORD_STATES = {"L": "L", "LK": "L", "P": "P", "PS": "P", "NP": "NP"}


@dataclass(frozen=True)
class Account:
    """One line of `getent passwd`."""

    name: str
    uid: int
    shell: str

    @property
    def interactive(self) -> bool:
        """Whether logging in gives a shell. An empty field means /bin/sh."""
        return self.shell.rsplit("/", 1)[-1] not in _NO_SHELL


def accounts(evidence: ObjectEvidence) -> tuple[Account, ...]:
    found = []
    for line in evidence.output("accounts").splitlines():
        fields = line.split(":")
        if len(fields) != 7 or not fields[0] or not fields[2].isdecimal():
            raise EvidenceError(f"{evidence.name}: accounts: {line!r} is not a line of getent passwd", "seven fields")
        found.append(Account(fields[0], int(fields[2]), fields[6]))
    if not any(account.uid == 0 for account in found):
        raise EvidenceError(f"{evidence.name}: accounts: no account with UID 0", "a complete list")
    return tuple(found)


@dataclass(frozen=True)
class PasswordState:
    """One line of `passwd -S -a`. `state`: L locked or none possible, P usable, NP empty. `max_days` -1: no limit."""

    account: str
    state: str
    max_days: int


def password_states(evidence: ObjectEvidence) -> dict[str, PasswordState]:
    found = {}
    for line in evidence.output("password-states").splitlines():
        fields = line.split()
        state = _PASSWORD_STATES.get(fields[1]) if len(fields) >= 7 else None
        if state is None or not re.fullmatch(r"-?\d+", fields[4]):
            raise EvidenceError(f"{evidence.name}: password-states: {line!r} is not a line of passwd -S")
        found[fields[0]] = PasswordState(fields[0], state, int(fields[4]))
    missing = [account.name for account in accounts(evidence) if account.name not in found]
    if missing:
        raise EvidenceError(f"{evidence.name}: password-states: nothing about {', '.join(missing)}", "every account")
    return found


def setting(text: str, name: str) -> str | None:
    """The last value of `name` in a file of `name value` or `name = value` lines; comments do not count."""
    value = None
    for line in text.splitlines():
        match = re.match(r"\s*([A-Za-z_]+)(?:\s*=\s*|\s+|$)([^#]*)", line)
        if match and match[1] == name:
            value = match[2].strip()
    return value


def number(text: str | None, what: str) -> int:
    if text is None or not re.fullmatch(r"-?\d+", text):
        raise EvidenceError(f"{what}: found {text!r}", "a whole number")
    return int(text)


class Sshd:
    """One answer of `sshd -T -C user=…,addr=…`: the settings that would apply to that connection."""

    def __init__(self, evidence: ObjectEvidence, account: str, place: str) -> None:
        self.record = f"sshd-{place}-{account}"
        self.account, self.place = account, place
        self._values: dict[str, str] = {}
        self._lists: dict[str, list[str]] = {}
        for line in evidence.output(self.record).splitlines():
            name, _, value = line.strip().partition(" ")
            self._values.setdefault(name.lower(), value)
            self._lists.setdefault(name.lower(), []).append(value)
        self._asked_for_the_right_one(evidence, account)

    def _asked_for_the_right_one(self, evidence: ObjectEvidence, account: str) -> None:
        if f"user={account}," not in evidence.record(self.record).command:
            raise EvidenceError(f"{evidence.name}: {self.record} is the answer to another question", f"user={account}")

    def value(self, name: str) -> str:
        if name not in self._values:
            raise EvidenceError(
                f"{self.record}: no {name}: the output is cut off", "all settings, as sshd -T prints them"
            )
        return self._values[name]

    def several(self, name: str) -> tuple[str, ...]:
        """All values of a setting that is printed only where it is set, one line each."""
        self.value("permitrootlogin")  # always printed: the output is whole
        return tuple(self._lists.get(name, ()))

    def number(self, name: str) -> int:
        return number(self.value(name), f"{self.record}: {name}")

    def algorithms(self, name: str) -> tuple[str, ...]:
        return tuple(self.value(name).split(","))


def sshd_of_every_account(evidence: ObjectEvidence) -> tuple[Sshd, ...]:
    """The settings for root and every account with a shell, from the controller's and from a foreign address."""
    names = [account.name for account in accounts(evidence) if account.interactive]
    return tuple(
        Sshd(evidence, name, place) for name in dict.fromkeys(["root", *names]) for place in ("inside", "outside")
    )


_PROPOSAL = "peer server KEXINIT proposal"
_WIRE_LISTS = {
    "KEX algorithms": "kexalgorithms",
    "host key algorithms": "hostkeyalgorithms",
    "ciphers ctos": "ciphers",
    "ciphers stoc": "ciphers",
    "MACs ctos": "macs",
    "MACs stoc": "macs",
}
_NOT_AN_ALGORITHM = {"ext-info-s", "kex-strict-s-v00@openssh.com"}


def wire_proposal(evidence: ObjectEvidence) -> dict[str, frozenset[str]]:
    """What the running daemon offered, from the client's debug output; both directions together."""
    _, found, after = evidence.record("ssh-wire").stderr.replace("\r", "").partition(_PROPOSAL)
    if not found:
        raise EvidenceError(
            f"{evidence.name}: ssh-wire: the daemon made no proposal: not reached, or cut off", _PROPOSAL
        )
    lists: dict[str, set[str]] = {name: set() for name in _WIRE_LISTS.values()}
    seen = set()
    for line in after.splitlines():
        label, colon, value = line.removeprefix("debug2: ").partition(": ")
        if colon and label in _WIRE_LISTS and label not in seen:
            seen.add(label)
            lists[_WIRE_LISTS[label]] |= set(value.strip().split(",")) - _NOT_AN_ALGORITHM
    if missing := _WIRE_LISTS.keys() - seen:
        raise EvidenceError(f"{evidence.name}: ssh-wire: the proposal is cut off before {', '.join(sorted(missing))}")
    return {name: frozenset(values) for name, values in lists.items()}


@dataclass(frozen=True)
class Listener:
    """One line of `ss -H -lntupe`. `uid` 0 is root's, which ss leaves out; `program` is empty if ss could not tell."""

    protocol: str
    address: str
    port: int
    program: str
    uid: int

    @property
    def local(self) -> bool:
        """Whether only the host itself can reach it."""
        return self.address.startswith("127.") or self.address in ("[::1]", "::1")


def listeners(evidence: ObjectEvidence) -> tuple[Listener, ...]:
    found = []
    for line in evidence.output("listeners").splitlines():
        fields = line.split()
        address, _, port = fields[4].rpartition(":") if len(fields) >= 6 else ("", "", "")
        if not port.isdecimal():
            raise EvidenceError(f"{evidence.name}: listeners: {line!r} is not a line of ss -lntu")
        program = re.search(r'users:\(\("([^"]+)"', line)
        uid = re.search(r"\buid:(\d+)", line)
        found.append(
            Listener(
                protocol=fields[0],
                address=address.partition("%")[0],
                port=int(port),
                program=program[1] if program else "",
                uid=int(uid[1]) if uid else 0,
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Attempt:
    """One attempt of the credential probe."""

    step: str
    exit_status: int
    said: str


def attempts(evidence: ObjectEvidence) -> tuple[Attempt, ...]:
    """The probe's attempts, in order; it prints the tally of failures last, so a probe cut short is noticed."""
    found = []
    for line in evidence.output("credential-probe").splitlines():
        fields = line.split("\t")
        if len(fields) != 3 or not fields[1].isdecimal():
            raise EvidenceError(f"{evidence.name}: credential-probe: {line!r} is not one of its lines")
        found.append(Attempt(fields[0], int(fields[1]), fields[2]))
    if not found or found[-1].step != "lockout-tally":
        raise EvidenceError(f"{evidence.name}: credential-probe: ended early", "its last step, lockout-tally")
    for attempt in found:
        if attempt.step.startswith("prepare") and attempt.exit_status:
            raise EvidenceError(f"{evidence.name}: credential-probe: no password could be set: {attempt.said.strip()}")
    return tuple(found)


def attempt(evidence: ObjectEvidence, step: str) -> Attempt:
    """The only attempt of this step."""
    found = [one for one in attempts(evidence) if one.step == step]
    if len(found) != 1:
        raise EvidenceError(f"{evidence.name}: credential-probe: step {step} is there {len(found)} times", "once")
    return found[0]


def conditional_blocks(evidence: ObjectEvidence) -> tuple[str, ...]:
    """The `Match` lines of sshd's configuration files; commented ones are not among them."""
    record = evidence.record("sshd-match")
    if record.exit_status not in (0, 1):  # grep: 1 is "no such line"
        raise EvidenceError(
            f"{evidence.name}: `{record.command}` ended with {record.exit_status}: {record.stderr.strip()}"
        )
    if record.exit_status == 1 and record.stderr.strip():
        raise EvidenceError(f"{evidence.name}: sshd-match: refused: {record.stderr.strip()}")
    lines = (line.strip() for line in record.stdout.splitlines())
    return tuple(line for line in lines if line.lower().startswith("match"))
