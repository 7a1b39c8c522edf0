"""A clone with an environment whose far site is made of instances of a cloud on loopback."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.environment.test_mistakes import base, change
from tests.unit.providers.industry.conftest import aws_environment, running_service
from tests.unit.providers.industry.service import REGION, CloudService

__all__ = ["CloudSite", "running_service", "site"]

ROOT = Path(__file__).resolve().parents[3]
_PLAYBOOK = """
- name: Every host
  hosts: base
  gather_facts: false
  become: true
  roles: [marker]
"""
_TASK = "- {name: Make the folder, ansible.builtin.file: {path: /etc/dingli-trial, state: directory, mode: '0755'}}\n"
_MACHINES = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import pulumi
from dingli.environment import load
from infra.components.cloud_machines import CloudMachines, CloudMachinesArgs
made = CloudMachines("far-machines", CloudMachinesArgs(load("trial"), "far"))
made.lead_to_gateways()
for host in load("trial").hosts_at("far"):
    pulumi.export(host.name, made.host_inputs(host.name))
"""


class CloudSite:
    """`declare` writes the environment file; `pulumi` runs on the stack of its far site."""

    def __init__(self, folder: Path, service: CloudService) -> None:
        self.folder, self.service = folder, service
        folder.mkdir()
        for name in ("infra", "dingli", "tools", ".venv", "pyproject.toml"):
            (folder / name).symlink_to(ROOT / name)
        tasks = folder / "roles" / "marker" / "tasks" / "main.yml"
        program = folder / "machines" / "__main__.py"
        for file, text in {folder / "roles" / "site.yml": _PLAYBOOK, tasks: _TASK, program: _MACHINES}.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (folder / "state").mkdir()
        (folder / "stacks" / "environments").mkdir(parents=True)
        path = os.pathsep.join([str(ROOT / ".venv" / "bin"), str(ROOT / ".dingli" / "bin"), os.environ["PATH"]])
        self.variables = os.environ | {
            "DINGLI_ROOT": str(folder),
            "PATH": path,
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "trial",
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        self.variables.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        self.run_program("infra")
        self.declare()
        self.must("stack", "init", "trial-far")

    def run_program(self, main: str) -> None:
        """`infra`: the whole site; `machines`: what is made of it on the cloud."""
        text = (ROOT / "Pulumi.yaml").read_text()
        (self.folder / "Pulumi.yaml").write_text(text.replace("main: infra", f"main: {main}"))

    def declare(self, **changes: Any) -> None:
        """The environment, with changes at dotted paths (`__` for a dot)."""
        data = base() | {"name": "trial", "owner": "trading", "data_levels": {"journal": 2, "core": 2, "gateway": 2}}
        cloud = {"region": REGION, "endpoint": self.service.endpoint, "ca_file": str(self.service.ca_file)}
        far = {"sites.far.hosting": "industry", "sites.far.cloud": cloud, "hosts.c.address": "10.3.0.11"}
        for path, value in {**far, **{key.replace("__", "."): one for key, one in changes.items()}}.items():
            change(data, path, value)
        data["hosts"]["c"].pop("power", None)
        data.pop("state")
        (self.folder / "stacks" / "environments" / "trial.yaml").write_text(yaml.safe_dump(data, sort_keys=False))

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.run(command, cwd=self.folder, env=self.variables, capture_output=True, text=True, timeout=400)

    def must(self, *arguments: str) -> str:
        """Run to the end, which must be a good one; what it said."""
        result = self.pulumi(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def outputs(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.must("stack", "output", "--json"))
        return found

    def machines(self) -> list[dict[str, Any]]:
        """What the cloud has of instances that are not over."""
        seen = self.service.client("ec2").describe_instances()["Reservations"]
        found = [one for each in seen for one in each["Instances"]]
        return [one for one in found if one["State"]["Name"] != "terminated"]


@pytest.fixture
def site(running_service: CloudService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CloudSite:
    """In an empty cloud that has an image."""
    aws_environment(monkeypatch, tmp_path)
    running_service.reset()
    ec2 = running_service.client("ec2")
    image = ec2.register_image(Name="debian-12")["ImageId"]
    ec2.create_tags(Resources=[image], Tags=[{"Key": "dingli:architecture", "Value": "aarch64"}])
    made = CloudSite(tmp_path / "clone", running_service)
    running_service.calls.clear()
    return made
