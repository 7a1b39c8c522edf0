"""Simulated hosts answer as hosts on which nothing has changed, and only those who may ask."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dingli import ssh
from dingli.bench.generated import SUPERNET, environment_text, fingerprint, handover_text, known_hosts_text, machine_id
from dingli.bench.generated_clone import generated_clone
from dingli.bench.refresh import standin_roles
from dingli.bench.simulated import simulated
from dingli.bench.simulated_hosts import key_of
from dingli.environment import project_root
from dingli.setup.shell import environment

HOSTS = 20
_ASK = """
import json, sys
from dingli import ssh
from dingli.environment import load
from infra.providers.rack.machine import gather
found = {}
for host in load("scale").hosts.values():
    with ssh.connect(ssh.target(load("scale"), host.name)) as connection:
        found[host.name] = gather(connection).machine_id
        assert connection.run("sudo -n true", check=False).status == 0
        assert connection.run("reboot", check=False).status == 127
print(json.dumps(found))
"""


def test_their_keys_are_those_of_the_environment() -> None:
    assert ssh.fingerprint(key_of("primary-1")) == fingerprint("primary-1")
    assert f" ssh-ed25519 {key_of('dr-1').get_base64()}\n" in known_hosts_text(HOSTS)


@pytest.mark.slow
def test_every_host_is_asked_under_its_own_address_and_key(tmp_path: Path) -> None:
    for name in ("infra", "dingli"):
        (tmp_path / name).symlink_to(project_root() / name)
    environments = tmp_path / "stacks" / "environments"
    environments.mkdir(parents=True)
    (environments / "scale.yaml").write_text(environment_text("scale", HOSTS, "../../handover.yaml"))
    (tmp_path / "handover.yaml").write_text(handover_text(HOSTS))
    state = tmp_path / ".dingli" / "scale"
    state.mkdir(parents=True)
    (state / "known_hosts").write_text(known_hosts_text(HOSTS))
    variables = environment(tmp_path) | {"DINGLI_ROOT": str(tmp_path)}

    with simulated("scale", SUPERNET, tmp_path, variables) as hosts:
        command = [*hosts.inside, sys.executable, "-c", _ASK]
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120)
        assert hosts.cpu_s > 0

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found) == HOSTS
    assert found == {name: machine_id(name) for name in found}


@pytest.mark.engine
def test_a_refresh_asks_every_host_and_finds_nothing(tmp_path: Path) -> None:
    standin_roles(tmp_path, 2)
    with generated_clone(HOSTS, tmp_path) as clone:
        clone.remember_host_keys()
        with simulated("scale", SUPERNET, clone.path, clone.variables) as hosts:
            run = clone.dingli("preview", "scale", "--site", "dr", "--refresh", "--json", inside=hosts.inside)
        outcome = json.loads(run.output)["dr"]

    assert outcome["ok"]
    assert outcome["changes"] == {"same": 2 + 6 + len(["base", "journal", "core"])}
    assert not [line for line in outcome["messages"] if "cannot tell" in line]
