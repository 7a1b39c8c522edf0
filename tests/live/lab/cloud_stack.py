"""A lab with nothing but a cloud in a box, and a Pulumi project that declares two machines there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from dingli.setup.shell import environment
from tests.live.lab.box import ROOT, Box, wait_until

__all__ = ["ADDRESSES", "CloudStack"]

ADDRESSES = {"dr-1": "198.18.5.11", "dr-2": "198.18.5.12"}

_UP = f"""
import sys
from pathlib import Path
from lab import lifecycle
from lab.layout import LabCloud, Layout
cloud = LabCloud("198.18.9.1", 8443, "cn-north-1") if "cloud" in sys.argv else None
layout = Layout("198.18.0.0/16", {{"ops": "198.18.9.0/24"}}, (), cloud)
lifecycle.up(layout, Path({str(ROOT)!r}), False, print, print)
"""
_PROJECT = f"""
name: trial
main: program
runtime: {{name: python, options: {{virtualenv: venv}}}}
plugins:
  providers: [{{name: industry, path: {ROOT / "infra" / "providers" / "industry"}}}]
"""
_PROGRAM = f"""
import pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from infra.providers.industry import resource as cloud

key_file = pathlib.Path(__file__).parents[1] / "key.pub"
network = cloud.Network("network", {{"cidr": "198.18.5.0/24"}})
subnet = cloud.Subnet("subnet", {{"network_id": network.id, "cidr": "198.18.5.0/24"}})
ssh = {{"protocol": "tcp", "from_port": 22, "peer": "198.18.255.252/30"}}
fix = {{"protocol": "tcp", "from_port": 9000, "peer": "self"}}
group = cloud.SecurityGroup("group", {{"network_id": network.id, "name": "cell", "ingress": [ssh, fix]}})
key = cloud.KeyPair("key", {{"name": "operator", "public_key": key_file.read_text()}})
image = cloud.Image("image", {{"name": "debian-13", "architecture": "x86_64"}})
machines = [
    cloud.Instance(f"dr-{{number}}", {{
        "image_id": image.image_id, "architecture": "x86_64", "instance_type": "m7i.large", "subnet_id": subnet.id,
        "private_address": f"198.18.5.1{{number}}", "security_group_ids": [group.id], "key_name": key.name,
        "user_data": "#!/bin/sh\\necho once >> /root/user-data\\n",
    }})
    for number in (1, 2)
]
cloud.Volume("disk", {{"zone": subnet.zone, "size_gib": 1, "instance_id": machines[0].id, "device": "/dev/sdf"}})
"""
_CALL = """
import json, sys
import boto3
endpoint, ca_file, name, arguments = sys.argv[1:]
session = boto3.Session("any", "any", region_name="cn-north-1")
answer = getattr(session.client("ec2", endpoint_url=endpoint, verify=ca_file), name)(**json.loads(arguments))
print(json.dumps(answer, default=str))
"""


class CloudStack:
    """`up` is the first thing to do."""

    def __init__(self, box: Box, folder: Path) -> None:
        self.box, self.folder = box, folder
        self.lab_up(with_cloud=False)
        self.lab_up(with_cloud=True)  # beside what runs already
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
        (folder / "program").mkdir()
        (folder / "state").mkdir()
        (folder / "Pulumi.yaml").write_text(_PROJECT)
        (folder / "program" / "__main__.py").write_text(_PROGRAM)
        (folder / "venv").symlink_to(ROOT / ".venv")
        self.must("stack", "init", "one")
        seen = self.cloud()
        settings = {"environment": "trial", **{key: seen[key] for key in ("region", "endpoint", "ca_file")}}
        self.must("config", "set-all", *(f"--plaintext=industry:{key}={value}" for key, value in settings.items()))

    def lab_up(self, with_cloud: bool) -> None:
        done = self.box.run(sys.executable, "-c", _UP, *(["cloud"] if with_cloud else []), timeout_s=180)
        assert done.returncode == 0, done.stdout + done.stderr

    def must(self, *arguments: str) -> str:
        """`pulumi` in the box, to a good end."""
        own = {
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "trial",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
        }
        wanted = {key: value for key, value in environment(ROOT).items() if key.startswith(("PULUMI_", "PATH"))}
        wanted.pop("PULUMI_CONFIG_PASSPHRASE_FILE")
        command = ["pulumi", "-C", str(self.folder), *arguments, "--non-interactive"]
        done = self.box.run(*command, timeout_s=300, **wanted | own)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, *options: str) -> str:
        return self.must("up", "--yes", "--skip-preview", *options)

    def cloud(self) -> dict[str, Any]:
        """As `dingli lab cloud --json` tells it."""
        done = self.box.dingli("lab", "cloud", "--json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def call(self, name: str, **arguments: Any) -> Any:
        """What somebody at a console does."""
        ca_file = "/var/lib/dingli-lab/cloud/tls/ca.pem"
        words = [sys.executable, "-c", _CALL, "https://198.18.9.1:8443", ca_file, name, json.dumps(arguments)]
        done = self.box.run(*words)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def instances(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self.cloud()["instances"] if one["state"] != "terminated"}

    def wait_for(self, machine: str, state: str) -> None:
        wait_until(lambda: self.instances()[machine]["state"] == state, f"{machine} is {state}", 90)

    def ssh(self, machine: str, script: str) -> subprocess.CompletedProcess[str]:
        """As the image's user, with the declared key."""
        return self.box.run(*self._ssh(machine), script)

    def session(self, machine: str, script: str) -> subprocess.Popen[str]:
        """The same, to talk to."""
        return subprocess.Popen(
            self.box.command(*self._ssh(machine), script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def is_open(self, machine: str, port: int, seen_from: str = "") -> bool:
        """Whether a connection is made, from this machine or from another of the cloud."""
        script = f"timeout 3 bash -c 'exec 3<>/dev/tcp/{ADDRESSES[machine]}/{port}'"
        done = self.ssh(seen_from, script) if seen_from else self.box.run("sh", "-c", script)
        return done.returncode == 0

    def _ssh(self, machine: str) -> tuple[str, ...]:
        return (
            "ssh", "-i", str(self.folder / "key"), "-o", "StrictHostKeyChecking=no", "-o", "BatchMode=yes",
            "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5",
            f"debian@{ADDRESSES[machine]}",
        )  # fmt: skip
