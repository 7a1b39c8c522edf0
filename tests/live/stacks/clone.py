"""A clone with an environment and a small role of its own, on the lab's hosts; it shares code and engine with this one.

The deploy key is the lab environment's, so that a host which is adopted there stays so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import paramiko
import yaml

from dingli import ssh
from dingli.environment import load

ROOT = Path(__file__).resolve().parents[3]
ENVIRONMENT = "rehearsal"
FOLDER = "/etc/dingli-rehearsal"
SERVICE = "dingli-rehearsal.service"

_PLAYBOOK = """
- name: Every host
  hosts: base
  gather_facts: false
  become: true
  roles: [marker]
"""
_TASKS = f"""
- name: Make the folder
  ansible.builtin.file: {{path: {FOLDER}, state: directory, mode: "0755"}}
- name: Write the first file
  ansible.builtin.copy: {{dest: {FOLDER}/first, content: "{{{{ marker_version }}}}", mode: "0644"}}
- name: Take a while
  ansible.builtin.command:
    cmd: sh -c 'sleep {{{{ marker_sleep_s }}}}; touch {FOLDER}/slept-{{{{ marker_version }}}}'
    creates: "{FOLDER}/slept-{{{{ marker_version }}}}"
- name: Write the second file
  ansible.builtin.copy: {{dest: {FOLDER}/second, content: "{{{{ marker_version }}}}", mode: "0644"}}
- name: Fail
  ansible.builtin.fail: {{msg: "there is no space left in version {{{{ marker_version }}}}"}}
  when: marker_fails
- name: Write a service
  ansible.builtin.copy:
    dest: /etc/systemd/system/{SERVICE}
    content: "[Service]\\nExecStart={{{{ marker_service }}}}\\n"
    mode: "0644"
  register: written
  when: marker_service | length > 0
- name: Run the service
  ansible.builtin.systemd_service: {{name: {SERVICE}, state: restarted, daemon_reload: true}}
  when: written is changed and not ansible_check_mode
- name: Deliver a secret
  ansible.builtin.copy:
    dest: {FOLDER}/secret
    content: "{{{{ lookup('ansible.builtin.file', marker_secret) }}}}"
    mode: "0600"
  no_log: true
  when: marker_secret | length > 0
"""


def power(host: str, *state: str) -> None:
    """The lab's power controller, asked from the clone to which the lab belongs."""
    command = [str(ROOT / ".venv" / "bin" / "dingli"), "lab", "power", host, *state]
    subprocess.run(command, cwd=ROOT, check=True, timeout=90)


def _without_instances(text: str) -> str:
    """The lab's dr site as if it were racks: the machine is there already, and its own stack's."""
    lab = load("lab")
    known = paramiko.HostKeys(str(ssh.known_hosts_file(lab.name)))
    for host in lab.hosts.values():
        if lab.site_of(host.name).made:
            (key,) = known[str(host.address)].values()
            text = text.replace(f"power: {host.power}}}", f"power: lab, host_key_sha256: {ssh.fingerprint(key)}}}")
    return text.replace(", hosting: industry}", "}")


@dataclass
class Clone:
    """`set_role` and `declare` change files; `dingli` and `pulumi` run the commands there."""

    path: Path
    passphrase: str
    variables: dict[str, str] = field(default_factory=dict)

    def build(self) -> None:
        """Lay out the folder."""
        for name in ("infra", "dingli", "tools", ".venv", "pyproject.toml", "app"):
            (self.path / name).symlink_to(ROOT / name)
        (self.path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        state = self.path / ".dingli"
        (state / ENVIRONMENT).mkdir(parents=True)
        (state / "pulumi").mkdir()
        (state / "bin").symlink_to(ROOT / ".dingli" / "bin")
        (state / "pulumi-home").symlink_to(ROOT / ".dingli" / "pulumi-home")
        (state / "passphrase").write_text(self.passphrase)
        shared = ROOT / ".dingli" / "lab" / "secrets"
        ssh.make_deploy_key(shared / "deploy_key")
        (state / ENVIRONMENT / "secrets").mkdir()
        for name in ("deploy_key", "deploy_key.pub"):
            (state / ENVIRONMENT / "secrets" / name).symlink_to(shared / name)
        tasks = self.path / "roles" / "marker" / "tasks" / "main.yml"
        tasks.parent.mkdir(parents=True)
        tasks.write_text(_TASKS)
        (self.path / "roles" / "site.yml").write_text(_PLAYBOOK)
        self.set_role("1")
        self.declare({})
        kept = ("HOME", "USER", "LANG", "TMPDIR", "XDG_CACHE_HOME")
        self.variables = {
            **{name: os.environ[name] for name in kept if name in os.environ},
            "PATH": f"{self.path}/.venv/bin:{self.path}/.dingli/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "DINGLI_ROOT": str(self.path),
            "XDG_DATA_HOME": str(self.path / "data"),
            "PULUMI_BACKEND_URL": f"file://{state / 'pulumi'}",
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(state / "passphrase"),
            "PULUMI_HOME": str(state / "pulumi-home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def set_role(
        self, version: str, sleep_s: float = 0, secret: str = "", service: str = "", fails: bool = False
    ) -> None:
        """What the role writes, how long it takes, the path of a secret that it delivers, what its service runs (none:
        it has none), and whether it fails half-way."""
        defaults = self.path / "roles" / "marker" / "defaults" / "main.yml"
        defaults.parent.mkdir(parents=True, exist_ok=True)
        values = {"version": version, "sleep_s": sleep_s, "secret": secret, "service": service, "fails": fails}
        defaults.write_text(yaml.safe_dump({f"marker_{name}": value for name, value in values.items()}))

    def declare(self, hosts: Mapping[str, Mapping[str, Any]]) -> None:
        """The lab's environment under another name; `hosts` overrides keys of single hosts."""
        text = (ROOT / "stacks" / "environments" / "lab.yaml").read_text()
        text = _without_instances(text.replace("name: lab\n", f"name: {ENVIRONMENT}\n", 1))
        for name, changes in hosts.items():
            line = next(line for line in text.splitlines() if line.strip().startswith(f"{name}: ") and "{" in line)
            declared = yaml.safe_load(line)[name] | changes
            flow = yaml.safe_dump(declared, default_flow_style=True, width=1000).strip()
            text = text.replace(line, f"  {name}: {flow}")
        text += "rollout: {health_s: 5}\n"
        file = self.path / "stacks" / "environments" / f"{ENVIRONMENT}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run to the end."""
        result = subprocess.run(
            command, cwd=self.path, env=self.variables, capture_output=True, text=True, timeout=400, check=False
        )
        assert result.returncode == 0 or not check, f"{command}\n{result.stdout}\n{result.stderr}"
        return result

    def start_up(self, site: str) -> subprocess.Popen[bytes]:
        """`pulumi up` in the background."""
        command = ["pulumi", "up", "-s", f"{ENVIRONMENT}-{site}", "--yes", "--skip-preview", "--non-interactive"]
        output = (self.path / "background").open("ab")
        with output:
            return subprocess.Popen(command, cwd=self.path, env=self.variables, stdout=output, stderr=output)

    def up(self, site: str, *options: str, check: bool = True) -> dict[str, Any]:
        """`dingli up` of one site; its outcome."""
        result = self.run("dingli", "up", ENVIRONMENT, "--site", site, "--json", *options, check=check)
        outcome: dict[str, Any] = json.loads(result.stdout)["sites"][site]
        return outcome

    def up_at(self, *sites: str, check: bool = True) -> dict[str, dict[str, Any]]:
        """`dingli up` of several sites together; their outcomes."""
        options = [word for site in sites for word in ("--site", site)]
        result = self.run("dingli", "up", ENVIRONMENT, *options, "--json", check=check)
        outcomes: dict[str, dict[str, Any]] = json.loads(result.stdout)["sites"]
        return outcomes

    def preview(self, site: str, *options: str, check: bool = True) -> dict[str, Any]:
        """`dingli preview` of one site; its outcome."""
        result = self.run("dingli", "preview", ENVIRONMENT, "--site", site, "--json", *options, check=check)
        outcome: dict[str, Any] = json.loads(result.stdout)[site]
        return outcome

    def on(self, host: str, command: str) -> str:
        """Standard output of a command on a host, as root, whoever root is reached as there."""
        with self._connect(host) as connection:
            shell = "sh -s" if connection.target.user == "root" else "sudo -n sh -s"
            return connection.run(shell, stdin=command, timeout_s=60).stdout

    def answers(self, host: str) -> bool:
        """Whether somebody can log in there."""
        try:
            self.on(host, "true")
        except ssh.SshError:
            return False
        return True

    def _connect(self, host: str) -> ssh.Connection:
        environment = load("lab")
        declared = environment.hosts[host]
        key = ssh.deploy_key("lab")
        reached = ssh.Target(host, str(declared.address), ssh.DEPLOY_USER, ssh.known_hosts_file("lab"), key)
        try:
            return ssh.connect(reached)
        except ssh.AuthenticationRefused:
            return ssh.connect(replace(reached, user="root", key=environment.root_key))

    def processes(self) -> dict[int, str]:
        """Engine, provider, language host and playbook processes of this clone, by id."""
        found = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                environment = (entry / "environ").read_bytes().split(b"\0")
                if f"DINGLI_ROOT={self.path}".encode() in environment and int(entry.name) != os.getpid():
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        return {number: words for number, words in found.items() if words}

    def folders_in_memory(self) -> list[Path]:
        """What runs of this clone have left behind."""
        found = Path("/dev/shm").glob("dingli-run-*/hosts.json")
        return [file.parent for file in found if ENVIRONMENT in file.read_text()]

    def kill(self, words: str) -> None:
        """SIGKILL to this clone's processes whose command line has `words`."""
        victims = [number for number, line in self.processes().items() if words in line]
        assert victims, f"no process with {words!r} among {self.processes()}"
        for number in victims:
            os.kill(number, signal.SIGKILL)
