"""A Pulumi project with one resource of every type, run by the real engine."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from dingli.setup.shell import environment
from tests.unit.providers.industry.service import REGION, CloudService
from tests.unit.providers.industry.world import PUBLIC_KEY

__all__ = ["NAMES", "ROOT", "Project", "summary"]

ROOT = Path(__file__).resolve().parents[4]

_PROJECT = f"""
name: trial
main: program
runtime: {{name: python, options: {{virtualenv: venv}}}}
plugins:
  providers: [{{name: industry, path: {ROOT / "infra" / "providers" / "industry"}}}]
"""
_PROGRAM = f"""
import json, pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
import pulumi
from infra.providers.industry import resource as cloud

text = pathlib.Path(__file__).with_name("declared.json").read_text()
declared = json.loads(text)
imports, second = declared.pop("import"), declared.pop("second")

def elsewhere():
    config = pulumi.Config("industry")
    names = ("environment", "region", "endpoint", "ca_file", "max_attempts", "wait_seconds")
    return cloud.Provider("elsewhere", {{name: config.require(name) for name in names}})

class Site(pulumi.ComponentResource):
    def __init__(self):
        super().__init__("trial:index:Site", "site")
        network = self.one(cloud.Network, "network")
        subnet = self.one(cloud.Subnet, "subnet", network_id=network.id)
        group = self.one(cloud.SecurityGroup, "group", network_id=network.id)
        key = self.one(cloud.KeyPair, "key")
        image = self.one(cloud.Image, "image", elsewhere() if second else None)
        machine = self.one(cloud.Instance, "machine", image_id=image.image_id, subnet_id=subnet.id,
                           security_group_ids=[group.id], key_name=key.name)
        self.one(cloud.Route, "route", network_id=network.id, instance_id=machine.id)
        self.one(cloud.Volume, "disk", zone=subnet.zone, instance_id=machine.id)
        self.one(cloud.Bucket, "bucket")
        self.register_outputs({{}})

    def one(self, kind, name, provider=None, **fed):
        opts = pulumi.ResourceOptions(parent=self, import_=imports.get(name), provider=provider)
        return kind(name, {{**fed, **declared[name]}}, opts)

Site()
"""
DECLARED: Mapping[str, Mapping[str, Any]] = {
    "network": {"cidr": "10.0.0.0/16", "tags": {"owner": "trading"}},
    "subnet": {"cidr": "10.0.1.0/24"},
    "group": {
        "name": "fix",
        "ingress": [
            {"protocol": "tcp", "from_port": 7410, "peer": "10.0.0.0/8"},
            {"protocol": "tcp", "from_port": 2379, "to_port": 2380, "peer": "self"},
        ],
    },
    "key": {"name": "operator", "public_key": PUBLIC_KEY},
    "image": {"name": "debian-13", "architecture": "aarch64"},
    "machine": {
        "architecture": "aarch64",
        "instance_type": "c7g.large",
        "private_address": "10.0.1.10",
        "user_data": "#!/bin/sh\necho hello\n",
    },
    "route": {"destination": "192.0.2.2/32"},
    "disk": {"size_gib": 10, "device": "/dev/sdf"},
    "bucket": {"name": "dingli-evidence", "object_lock": {"mode": "COMPLIANCE", "days": 180}},
}
NAMES = tuple(DECLARED)


class Project:
    """A folder with a stack `one` and a backend of its own."""

    def __init__(self, folder: Path, service: CloudService) -> None:
        self.folder, self.service = folder / "project", service
        program = self.folder / "program"
        program.mkdir(parents=True)
        (self.folder / "Pulumi.yaml").write_text(_PROJECT)
        (program / "__main__.py").write_text(_PROGRAM)
        (self.folder / "venv").symlink_to(ROOT / ".venv")
        self.state, self.home = folder / "state", folder / "home"
        self.state.mkdir()
        own = {"PULUMI_BACKEND_URL": f"file://{self.state}", "PULUMI_HOME": str(self.home)}
        self.env = environment(ROOT) | own | {"PULUMI_CONFIG_PASSPHRASE": "trial"}
        self.env.pop("PULUMI_CONFIG_PASSPHRASE_FILE")
        self.declare()
        self.make_stack()

    def make_stack(self) -> None:
        """The stack `one`, with nothing in it."""
        self.must("stack", "init", "one")
        service = self.service
        settings = {"environment": "trial", "region": REGION, "endpoint": service.endpoint, "max_attempts": "2"}
        settings |= {"ca_file": str(service.ca_file), "wait_seconds": "60"}
        words = [f"--plaintext=industry:{name}={value}" for name, value in settings.items()]
        self.must("config", "set-all", *words)

    def declare(
        self, imports: Mapping[str, str] | None = None, second: bool = False, **changes: Mapping[str, Any]
    ) -> None:
        """What the program declares, with other inputs for some; the image through a second provider if wanted."""
        wanted = {name: {**inputs, **changes.get(name, {})} for name, inputs in DECLARED.items()}
        kept = {name: {key: value for key, value in one.items() if value is not None} for name, one in wanted.items()}
        (self.folder / "program" / "declared.json").write_text(
            json.dumps({**kept, "import": imports or {}, "second": second})
        )

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["pulumi", *arguments, "--non-interactive"]
        return subprocess.run(command, cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=120)

    def must(self, *arguments: str) -> str:
        """Run to the end, which must be a good one; what it said."""
        result = self.pulumi(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr

    def up(self, *options: str) -> str:
        return self.must("up", "--yes", "--skip-preview", *options)

    def ids(self) -> dict[str, str]:
        """The id of every resource by its name, from the state."""
        file = next(self.state.glob(".pulumi/stacks/**/one.json"))
        resources = (json.loads(file.read_text())["checkpoint"]["latest"] or {}).get("resources", [])
        return {one["urn"].rpartition("::")[2]: one["id"] for one in resources if "industry:index" in one["urn"]}

    def kill_providers(self) -> None:
        """SIGKILL to the provider's processes of this project."""
        killed = 0
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                words = (entry / "cmdline").read_bytes()
                mine = f"PULUMI_HOME={self.home}".encode() in (entry / "environ").read_bytes().split(b"\0")
                if mine and b"infra.providers.industry" in words:
                    os.kill(int(entry.name), signal.SIGKILL)
                    killed += 1
        assert killed, "no provider is running"

    def killing(self, done: Callable[[], Iterable[bytes]], environ: dict[str, Any], start_response: Any) -> None:
        """A fault: the call is done, and before its answer arrives the provider is dead."""
        list(done())
        self.kill_providers()
        raise ConnectionResetError("the provider is dead")


def summary(text: str) -> dict[str, int]:
    """The engine's last lines, such as `8 unchanged`, as numbers by word."""
    return {
        word: int(number) for number, word in re.findall(r"(\d+) (created|updated|replaced|deleted|unchanged)", text)
    }
