#!/usr/bin/python
"""One subject of a host in one module execution: its directories and files, and the service that reads them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dingli_topic
short_description: Files of one subject and the service that reads them
description:
  - Sets directories and files (whole content, owner, mode), then brings the service that reads them into its state.
  - One execution for what would be five to ten with single-purpose modules; an emulated host takes seconds for each.
  - The service is restarted when any of its files is newer than its process, not only when this run changed one. A run
    that was interrupted between writing and restarting is completed by the next one, where a handler would be lost.
  - Nothing waits for a service to be ready; jobs are queued (C(systemctl --no-block)).
options:
  files:
    description: What is at each path. Without O(files[].state), a file with O(files[].content).
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Absolute path, type: path, required: true}
      content: {description: The whole content, type: str}
      secret_content: {description: The whole content of a file whose content is never shown, type: str}
      state: {description: What stands there, type: str, choices: [file, directory, absent], default: file}
      owner: {description: Account, type: str, default: root}
      group: {description: Group, type: str, default: root}
      mode: {description: Octal, as text, type: str}
      validate: {description: Command that judges a file before it is put in place; %s is its path, type: str}
      restarts: {description: Whether the service reads this file only when it starts, type: bool, default: true}
  accounts:
    description: System accounts without a shell or password, made before the files.
    type: list
    elements: dict
    default: []
    suboptions:
      name: {description: Account and group, type: str, required: true}
      home: {description: Home directory (not made), type: str, default: /nonexistent}
      groups: {description: Further groups, type: list, elements: str, default: []}
  service:
    description: The unit that reads the files.
    type: dict
    suboptions:
      name: {description: Unit, type: str, required: true}
      enabled: {description: Whether it starts with the host, type: bool, default: true}
      state: {description: What it should be doing, type: str, choices: [started, stopped], default: started}
      reads: {description: Further paths after whose change it is restarted, type: list, elements: path, default: []}
"""

import grp
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ansible.module_utils.basic import AnsibleModule

_UNIT_FOLDER = "/etc/systemd/system"
_DEFAULT_MODES = {"file": "0644", "directory": "0755"}
_STARTED = {"active", "activating", "reloading"}


class Topic:
    """The work of one task; `changes` says in words what was done, or would be."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.changes: list[str] = []
        self.diffs: list[dict[str, str]] = []

    @property
    def checking(self) -> bool:
        return bool(self.module.check_mode)

    def note(self, change: str) -> None:
        self.changes.append(f"would {change}" if self.checking else change)

    def run(self, *command: str) -> str:
        """Output of a command that has to succeed."""
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.module.fail_json(
                msg=f"{' '.join(command)} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}",
                changes=self.changes,
                changed=bool(self.changes) and not self.checking,
            )
        return done.stdout

    # -- accounts ------------------------------------------------------------------------------------------------------

    def account(self, wanted: dict) -> None:
        name = wanted["name"]
        try:
            known = pwd.getpwnam(name)
        except KeyError:
            self.note(f"make account {name}")
            if not self.checking:
                groups = ["--groups", ",".join(wanted["groups"])] if wanted["groups"] else []
                self.run(
                    "useradd", "--system", "--user-group", "--no-create-home", "--home-dir", wanted["home"],
                    "--shell", "/usr/sbin/nologin", *groups, name,
                )  # fmt: skip
            return
        present = {entry.gr_name for entry in grp.getgrall() if name in entry.gr_mem}
        missing = [group for group in wanted["groups"] if group not in present]
        changes = []
        if missing:
            changes += ["--append", "--groups", ",".join(missing)]
        if known.pw_shell != "/usr/sbin/nologin":
            changes += ["--shell", "/usr/sbin/nologin"]
        if changes:
            self.note(f"change account {name}: {' '.join(changes)}")
            if not self.checking:
                self.run("usermod", *changes, name)

    # -- files ---------------------------------------------------------------------------------------------------------

    def place(self, wanted: dict) -> bool:
        """Make one path what it should be. True if its content changed, or would."""
        state = wanted["state"]
        if state == "absent":
            return self.remove(wanted["path"])
        changed = self.make_directory(wanted["path"]) if state == "directory" else self.write(wanted)
        if not changed:
            self.protect(wanted)
        return changed

    def remove(self, path: str) -> bool:
        if not os.path.lexists(path):
            return False
        self.note(f"remove {path}")
        if not self.checking:
            shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)
        return True

    def make_directory(self, path: str) -> bool:
        if os.path.isdir(path):
            return False
        self.note(f"make directory {path}")
        if self.checking:
            return True
        os.makedirs(path, mode=0o755)
        wanted = next(entry for entry in self.module.params["files"] if entry["path"] == path)
        self.set_access(path, *self.access(wanted))
        return True

    def write(self, wanted: dict) -> bool:
        path = wanted["path"]
        secret = wanted["secret_content"] is not None
        content = wanted["secret_content"] if secret else wanted["content"] or ""
        if os.path.isdir(path):
            self.module.fail_json(msg=f"{path} is a directory; expected a file: remove it by hand")
        before = self.read(path)
        if before == content.encode():
            return False
        self.note(f"write {path}")
        if not secret:
            shown = "" if before is None else before.decode(errors="replace")
            self.diffs.append({"before": shown, "after": content, "before_header": path, "after_header": path})
        if self.checking and wanted["validate"] is None:
            return True
        self.replace(wanted, content)
        return True

    def replace(self, wanted: dict, content: str) -> None:
        """Write beside the path, judge, rename: no reader ever sees half a file, or one that is not valid."""
        path = wanted["path"]
        folder = self.module.tmpdir if self.checking else os.path.dirname(path)
        os.makedirs(folder, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=f".{os.path.basename(path)}.")
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(content)
            if wanted["validate"]:
                self.judge(path, wanted["validate"].replace("%s", temporary))
            if not self.checking:
                self.set_access(temporary, *self.access(wanted))
                os.rename(temporary, path)
        finally:
            if os.path.exists(temporary):
                os.unlink(temporary)

    def judge(self, path: str, command: str) -> None:
        done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.module.fail_json(
                msg=f"the new {path} is not valid, the old one stays: {(done.stderr or done.stdout).strip()}"
            )

    def protect(self, wanted: dict) -> None:
        """Owner and mode of a path whose content is right."""
        path = wanted["path"]
        mode, uid, gid = self.access(wanted)
        now = os.stat(path)
        found = (stat.S_IMODE(now.st_mode), now.st_uid, now.st_gid)
        if found == (mode, uid, gid):
            return
        self.note(f"set owner and mode of {path} ({found[1]}:{found[2]} {found[0]:04o} to {uid}:{gid} {mode:04o})")
        if not self.checking:
            self.set_access(path, mode, uid, gid)

    def access(self, wanted: dict) -> tuple[int, int, int]:
        mode = int(wanted["mode"] or _DEFAULT_MODES[wanted["state"]], 8)
        return mode, self.number(pwd.getpwnam, wanted["owner"], 2), self.number(grp.getgrnam, wanted["group"], 2)

    def number(self, look_up: Callable[[str], Any], name: str, field: int) -> int:
        try:
            return int(look_up(name)[field])
        except KeyError:
            # In check mode on a fresh host the account may be one that this run would make.
            if self.checking:
                return -1
            return self.module.fail_json(
                msg=f"no account or group {name!r} on this host; the role that makes it must run first"
            )

    @staticmethod
    def set_access(path: str, mode: int, uid: int, gid: int) -> None:
        os.chown(path, uid, gid)
        os.chmod(path, mode)

    @staticmethod
    def read(path: str) -> bytes | None:
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    # -- service -------------------------------------------------------------------------------------------------------

    def serve(self, wanted: dict, changed: bool, units_changed: bool) -> None:
        """Bring the service into its state; `changed` says whether a file it reads did, or would."""
        name = wanted["name"]
        if units_changed and not self.checking:
            self.run("systemctl", "daemon-reload")
        facts = self.facts(name)
        if not units_changed and facts["NeedDaemonReload"] == "yes":
            self.note("reload systemd's units")
            if not self.checking:
                self.run("systemctl", "daemon-reload")
        self.enable(name, wanted["enabled"], facts["UnitFileState"])
        started = facts["ActiveState"] in _STARTED
        if wanted["state"] == "stopped":
            if started:
                self.queue("stop", name)
        elif not started:
            self.queue("start", name)
        elif changed or self.outdated(wanted, facts["ExecMainStartTimestamp"]):
            self.queue("restart", name)

    def enable(self, name: str, wanted: bool, found: str) -> None:
        if found in {"static", "indirect", "generated", "alias"} or (found in {"enabled", "enabled-runtime"}) == wanted:
            return
        verb = "enable" if wanted else "disable"
        self.note(f"{verb} {name}")
        if not self.checking:
            self.run("systemctl", "--quiet", verb, name)

    def queue(self, verb: str, name: str) -> None:
        self.note(f"{verb} {name}")
        if not self.checking:
            # A unit that failed too often refuses to start until the count is reset; what it read has changed since.
            subprocess.run(["systemctl", "reset-failed", name], capture_output=True, check=False)
            self.run("systemctl", "--no-block", verb, name)

    def facts(self, name: str) -> dict[str, str]:
        names = ("ActiveState", "UnitFileState", "NeedDaemonReload", "ExecMainStartTimestamp")
        output = self.run("systemctl", "show", "--timestamp=us+utc", f"--property={','.join(names)}", name)
        found = dict(line.split("=", 1) for line in output.splitlines() if "=" in line)
        return {key: found.get(key, "") for key in names}

    def outdated(self, wanted: dict, started: str) -> bool:
        """Whether the service's process is older than something it has read."""
        if not started or started == "n/a":
            return False
        since = datetime.strptime(started, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()
        files = [
            entry["path"] for entry in self.module.params["files"] if entry["state"] == "file" and entry["restarts"]
        ]
        times = [os.stat(path).st_mtime for path in [*files, *wanted["reads"]] if os.path.exists(path)]
        # A time in the future says that the clock was set back since, and nothing about what the process has read.
        return any(since < changed <= time.time() for changed in times)


def _spec() -> dict:
    file = {
        "path": {"type": "path", "required": True},
        "content": {"type": "str"},
        "secret_content": {"type": "str", "no_log": True},
        "state": {"type": "str", "choices": ["file", "directory", "absent"], "default": "file"},
        "owner": {"type": "str", "default": "root"},
        "group": {"type": "str", "default": "root"},
        "mode": {"type": "str"},
        "validate": {"type": "str"},
        "restarts": {"type": "bool", "default": True},
    }
    service = {
        "name": {"type": "str", "required": True},
        "enabled": {"type": "bool", "default": True},
        "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
        "reads": {"type": "list", "elements": "path", "default": []},
    }
    account = {
        "name": {"type": "str", "required": True},
        "home": {"type": "str", "default": "/nonexistent"},
        "groups": {"type": "list", "elements": "str", "default": []},
    }
    return {
        "files": {"type": "list", "elements": "dict", "default": [], "options": file},
        "accounts": {"type": "list", "elements": "dict", "default": [], "options": account},
        "service": {"type": "dict", "options": service},
    }


def main() -> None:
    # Without no_log every file's content would go to the host's own log; what was changed is logged below instead.
    module = AnsibleModule(argument_spec=_spec(), supports_check_mode=True, no_log=True)
    os.umask(0o022)  # hardening gives sudo a stricter one, and services could not enter the folders made on the way
    topic = Topic(module)
    for account in module.params["accounts"]:
        topic.account(account)
    changed_files = [entry for entry in module.params["files"] if topic.place(entry)]
    restarting = any(entry["restarts"] and entry["state"] != "directory" for entry in changed_files)
    units_changed = any(entry["path"].startswith(_UNIT_FOLDER) for entry in changed_files)
    if module.params["service"]:
        topic.serve(module.params["service"], restarting, units_changed)
    elif units_changed and not module.check_mode:
        topic.run("systemctl", "daemon-reload")
    if topic.changes:
        module.log("; ".join(topic.changes))
    module.exit_json(changed=bool(topic.changes), changes=topic.changes, diff=topic.diffs)


if __name__ == "__main__":
    main()
