"""A clone in a box whose lab has a cloud, and an environment whose dr site is made of instances there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.live.lab.box import ROOT, Box

__all__ = ["ENVIRONMENT", "CloudSite"]

ENVIRONMENT = "afloat"
_UP = f"""
import sys
from dataclasses import replace
from pathlib import Path
from dingli.environment import load
from lab import layout, lifecycle
wanted = layout.of(load({ENVIRONMENT!r}))
kept = wanted.hosts if "racks" in sys.argv else ()
lifecycle.up(replace(wanted, hosts=kept), Path({str(ROOT)!r}), False, print, print)
"""
_CALL = """
import json, sys
import boto3
name, arguments = sys.argv[1:]
session = boto3.Session("any", "any", region_name="cn-north-1")
ec2 = session.client("ec2", endpoint_url="https://198.18.9.1:8443", verify="/var/lib/dingli-lab/cloud/tls/ca.pem")
print(json.dumps(getattr(ec2, name)(**json.loads(arguments)), default=str))
"""


def _declared() -> str:
    """The lab's environment file under another name, without its ARM host, which would take longer than all others
    together, and without lines, since racks are not there in every test."""
    text = (ROOT / "stacks" / "environments" / "lab.yaml").read_text()
    text = re.sub(r"^lines:\n(  .*\n)+", "", text, count=1, flags=re.MULTILINE)
    lines = [line for line in text.splitlines(keepends=True) if "standby-2" not in line.split("#")[0]]
    return "".join(lines).replace("name: lab\n", f"name: {ENVIRONMENT}\n", 1)


class CloudSite:
    """`dingli` runs the command in the box, on the clone. Without `racks` its lab is the cloud and nothing else."""

    def __init__(self, box: Box, folder: Path, racks: bool = False) -> None:
        self.box, self.folder = box, folder
        own = (".dingli", ".git", "stacks", "Pulumi.yaml")
        for part in (one for one in ROOT.iterdir() if one.name not in own):
            (folder / part.name).symlink_to(part)
        (folder / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
        state = folder / ".dingli"
        (state / "pulumi").mkdir(parents=True)
        (state / "bin").symlink_to(ROOT / ".dingli" / "bin")
        (state / "passphrase").write_text("trial\n")
        file = folder / "stacks" / "environments" / f"{ENVIRONMENT}.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(_declared())
        self.variables = {
            "DINGLI_ROOT": str(folder),
            "XDG_DATA_HOME": str(folder / "data"),
        }
        done = box.run(sys.executable, "-c", _UP, *(["racks"] if racks else []), timeout_s=600, **self.variables)
        assert done.returncode == 0, done.stdout + done.stderr

    def dingli(self, *arguments: str, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
        return self.box.dingli(*arguments, timeout_s=timeout_s, **self.variables)

    def up(self, *options: str) -> tuple[dict[str, Any], float]:
        """`dingli up` of the dr site: its outcome, which must be good, and how long it took."""
        result, seconds = self.up_all("--site", "dr", *options)
        return result["sites"]["dr"], seconds

    def up_all(self, *options: str) -> tuple[dict[str, Any], float]:
        """The same of every site, with the gate."""
        began = time.monotonic()
        done = self.dingli("up", ENVIRONMENT, "--json", *options, timeout_s=1500)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout), time.monotonic() - began

    def call(self, name: str, **arguments: Any) -> Any:
        """What somebody at the cloud's console does."""
        done = self.box.run(sys.executable, "-c", _CALL, name, json.dumps(arguments))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def instances(self) -> dict[str, dict[str, Any]]:
        """By their tag Name; those that are over are left out."""
        seen = self.call("describe_instances")["Reservations"]
        found = [one for each in seen for one in each["Instances"] if one["State"]["Name"] != "terminated"]
        return {next(tag["Value"] for tag in one["Tags"] if tag["Key"] == "Name"): one for one in found}

    def ssh(self, user: str, script: str, address: str = "198.18.3.11") -> subprocess.CompletedProcess[str]:
        """With the environment's deploy key, and the host key that `up` has verified."""
        state = self.folder / ".dingli" / ENVIRONMENT
        return self.box.run(
            "ssh", "-F", "none", "-i", str(state / "secrets" / "deploy_key"), "-o", "IdentitiesOnly=yes",
            "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes",
            "-o", f"UserKnownHostsFile={state / 'known_hosts'}",
            "-o", "GlobalKnownHostsFile=/dev/null", "-o", "ConnectTimeout=10", f"{user}@{address}", script,
        )  # fmt: skip

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
