#!/usr/bin/python
"""A host's packet filter: compared as the kernel lists it, replaced in one transaction, taken back unless confirmed."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dingli_firewall
short_description: The packet filter in the table inet dingli
description:
  - Compares the rules in force with what the declared ones would be listed as, which a network namespace of its own
    says after they were loaded there. So rules that cannot be loaded change nothing, check mode is true, and a table
    that somebody flushed or altered by hand is noticed.
  - New rules come with a timer that brings the former ones back. Another execution with O(confirm), over a connection
    that was made since, ends the timer and lets the rules be loaded at every boot.
options:
  rules:
    description: The whole file, for nft; it replaces the table.
    type: str
    required: true
  unit:
    description: The service that loads the confirmed rules at boot.
    type: str
    required: true
  revert_after_s:
    description: Seconds until the former rules come back.
    type: int
    default: 90
  confirm:
    description: Whether the rules that were loaded before are to stay.
    type: bool
    default: false
  folder:
    description: Where the rules are kept.
    type: path
    default: /etc/dingli
"""

import os
import subprocess
import tempfile

from ansible.module_utils.basic import AnsibleModule

_TABLE = ("inet", "dingli")
_SERVICE, _TIMER = "dingli-firewall.service", "dingli-firewall-revert"
_UNIT_FILE = f"/etc/systemd/system/{_SERVICE}"
_NFT = "/usr/sbin/nft"
_REMOVE = "table inet dingli; delete table inet dingli"


class Firewall:
    """The work of one execution; `changes` says in words what was done, or would be."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.changes: list[str] = []
        folder = module.params["folder"]
        self.confirmed = os.path.join(folder, "firewall.nft")
        self.candidate = os.path.join(folder, "firewall.candidate.nft")

    @property
    def checking(self) -> bool:
        return bool(self.module.check_mode)

    def note(self, change: str) -> None:
        self.changes.append(f"would {change}" if self.checking else change)

    def fail(self, message: str) -> None:
        self.module.fail_json(msg=message, changes=self.changes, changed=bool(self.changes) and not self.checking)

    def run(self, *command: str, stdin: str | None = None, check: bool = True) -> subprocess.CompletedProcess:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            said = (done.stderr or done.stdout).strip()
            self.fail(f"{' '.join(command)} ended with {done.returncode}: {said}")
        return done

    # -- comparing -----------------------------------------------------------------------------------------------------

    def expected(self) -> str:
        """What the kernel lists after the rules were loaded in a network namespace that is gone afterwards."""
        listing = f"{_NFT} -f - && {_NFT} -s list table {' '.join(_TABLE)}"
        done = self.run("unshare", "--net", "sh", "-c", listing, stdin=self.module.params["rules"], check=False)
        if done.returncode != 0:
            self.fail(f"the rules cannot be loaded, those in force stay: {done.stderr.strip()[:1000]}")
        return done.stdout

    def in_force(self) -> str:
        return self.run(_NFT, "-s", "list", "table", *_TABLE, check=False).stdout

    @staticmethod
    def read(path: str) -> str:
        try:
            with open(path, encoding="utf-8") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    @staticmethod
    def write(path: str, content: str, mode: int) -> None:
        """Beside it, then renamed: whoever boots meanwhile finds the old file or the new one."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(descriptor)
        os.rename(temporary, path)

    # -- changing ------------------------------------------------------------------------------------------------------

    def converge(self) -> bool:
        """True if new rules are in force and wait to be confirmed."""
        expected, before = self.expected(), self.in_force()
        self.place_unit()
        if expected == before and self.read(self.confirmed) == self.module.params["rules"]:
            return False
        self.note("load the packet filter" if before else "load the first packet filter")
        if self.checking:
            return False
        self.write(self.candidate, self.module.params["rules"], 0o600)
        self.start_timer()
        self.run(_NFT, "-f", self.candidate)
        return True

    def place_unit(self) -> None:
        unit = self.module.params["unit"]
        if self.read(_UNIT_FILE) != unit:
            self.note(f"write {_UNIT_FILE}")
            if not self.checking:
                self.write(_UNIT_FILE, unit, 0o644)
                self.run("systemctl", "daemon-reload")
        if self.run("systemctl", "is-enabled", _SERVICE, check=False).stdout.strip() != "enabled":
            self.note(f"enable {_SERVICE}")
            if not self.checking:
                self.run("systemctl", "--quiet", "enable", _SERVICE)

    def start_timer(self) -> None:
        """What brings the former rules back needs nobody: neither this run nor a connection."""
        self.stop_timer()
        revert = f"rm -f {self.candidate}; {_NFT} -f {self.confirmed} || {_NFT} '{_REMOVE}'"
        after = f"--on-active={self.module.params['revert_after_s']}"
        command = ("--quiet", "--collect", f"--unit={_TIMER}", after, "--timer-property=AccuracySec=100ms")
        self.run("systemd-run", *command, "/bin/sh", "-c", revert)

    def stop_timer(self) -> None:
        self.run("systemctl", "stop", f"{_TIMER}.timer", check=False)

    def confirm(self) -> None:
        """The rename decides: if the timer was faster, there is nothing left to rename."""
        try:
            os.rename(self.candidate, self.confirmed)
        except FileNotFoundError:
            self.fail("the rules were taken back before they were confirmed; run it again, with more revert_after_s")
        self.stop_timer()
        # A reload of what is in force already; from here on the service says that the filter is there.
        self.run("systemctl", "--no-block", "restart", _SERVICE)


def main() -> None:
    spec = {
        "rules": {"type": "str", "required": True},
        "unit": {"type": "str", "required": True},
        "revert_after_s": {"type": "int", "default": 90},
        "confirm": {"type": "bool", "default": False},
        "folder": {"type": "path", "default": "/etc/dingli"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    os.umask(0o022)
    firewall = Firewall(module)
    pending = False
    if module.params["confirm"]:
        firewall.confirm()
    else:
        pending = firewall.converge()
    module.exit_json(changed=bool(firewall.changes), changes=firewall.changes, pending=pending)


if __name__ == "__main__":
    main()
