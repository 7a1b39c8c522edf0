"""Role ipsec: check mode says what a run then does, the same again changes nothing, a poor image is named."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dingli.environment import Environment
from dingli.environment.lines import ipsec_variables

CHECK, RUN = {"check": True}, {"check": False}
_TOLD = '"$STATE/dingli-host-facts.service.on"'


def shell(command: str) -> dict[str, str]:
    return {"shell": command}


def look(up: int) -> dict[str, str]:
    """What the gateway does every five seconds, while so many lines are up; says whether monitoring is told."""
    ask = f"echo {up} > $STATE/up; rm -f {_TOLD}; /usr/local/libexec/dingli/line-call > /dev/null"
    return shell(f"{ask}; [ -e {_TOLD} ] && echo told")


CHAIN = "leaf\n-----END CERTIFICATE-----\nintermediate\n-----END CERTIFICATE-----\n"
_FILES = "private/* x509*/*"
_COPY = f"/usr/local/libexec/dingli/line-certificates; cd /etc/swanctl; stat -c '%A %n' {_FILES}; cat {_FILES}"


def certificates(key: str, chain: str) -> dict[str, str]:
    """What role pki leaves on a gateway; says what swanctl finds then."""
    write = f"mkdir -p /etc/dingli/pki; cd /etc/dingli/pki; echo {key} > ipsec.key; echo root > ca.crt"
    return shell(f"{write}; printf '{chain}' > ipsec.crt; {_COPY}")


CARRY = "/usr/local/libexec/dingli/line-addresses"
_CARRIED = "ip -o -4 address show dev lo label lo:lines | tr -s ' ' | cut -d ' ' -f 4"


def carried(*addresses: str) -> dict[str, str]:
    """What the guard's unit does on an instance whose lines have these ends; says what the guest carries then."""
    return shell(f"ip link set lo up; {CARRY} {' '.join(addresses)} && {_CARRIED}")


STEPS: dict[str, dict[str, Any]] = {
    "on a poor image": shell('echo charon-systemd > "$STATE/missing"'),
    "refused": RUN,
    "left by it": shell('ls /etc/dingli/lines* 2>/dev/null; rm "$STATE/missing"'),
    "predicted": CHECK,
    "first": RUN,
    "second": RUN,
    "by hand": shell("echo '# mine' >> /etc/swanctl/conf.d/dingli-lines.conf"),
    "repaired": RUN,
    "linked": shell("mkdir -p /etc/swanctl/private; ln -s /etc/dingli/pki/ipsec.key /etc/swanctl/private/dingli.key"),
    "copied": certificates("key", CHAIN),
    "renewed": certificates("another", CHAIN.replace("leaf", "fresh")),
    **{f"look {number}": look(up) for number, up in enumerate((2, 2, 1, 0, 0, 2))},
}


# The same host, told that it is an instance, and that it is none.
ON_A_CLOUD: dict[str, dict[str, Any]] = {
    "instance predicted": CHECK,
    "instance": RUN,
    "instance again": RUN,
    "unit": shell("grep ^ExecStart /etc/systemd/system/dingli-lines-guard.service"),
    "carried": carried("192.0.2.2", "192.0.2.6"),
    "carried again": carried("192.0.2.2", "192.0.2.6"),
    "carried others": carried("192.0.2.6", "192.0.2.9"),
    "asking": shell("cat /proc/sys/net/ipv4/conf/all/arp_announce"),
}


@pytest.fixture(scope="module")
def seen(environment: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of each step on the first gateway; its file systems end with it."""
    room = tmp_path_factory.mktemp("role")
    rack, instance = ({"dingli_ipsec": ipsec_variables(environment, host)} for host in ("a", "c"))
    steps = STEPS | {name: {**step, "variables": instance} for name, step in ON_A_CLOUD.items()}
    steps |= {"rack again": RUN, "left of the instance": shell(f"ls {CARRY}")}
    told = {"steps": list(steps.values()), "variables": rack}
    script = 'mount -t tmpfs none "$1" && exec "$2" "$3" "$1"'
    program = [sys.executable, str(Path(__file__).with_name("role_host.py"))]
    command = ["unshare", "--net", "--mount", "sh", "-c", script, "sh", str(room), *program]
    done = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(zip(steps, json.loads(done.stdout.splitlines()[-1]), strict=True))


def test_an_image_without_strongswan_is_named_and_left_alone(seen: dict[str, Any]) -> None:
    (said,) = seen["refused"]["failed"]
    assert said.startswith("Find missing packages:")
    assert said.endswith("no packages found matching charon-systemd")
    assert (seen["refused"]["changes"], seen["left by it"]) == ({}, "")


def test_check_mode_says_what_the_run_does(seen: dict[str, Any]) -> None:
    predicted, done = seen["predicted"], seen["first"]
    assert predicted["failed"] == done["failed"] == []
    changes = {task: [one.removeprefix("would ") for one in said] for task, said in predicted["changes"].items()}
    assert changes == done["changes"]
    assert "start strongswan.service" in done["changes"]["Encrypt the lines"]
    assert "start dingli-lines-guard.service" in done["changes"]["Forward between the sites, and nothing in clear"]


def test_a_second_run_changes_nothing(seen: dict[str, Any]) -> None:
    assert seen["second"] == {"status": "successful", "changes": {}, "failed": []}


def test_what_was_changed_by_hand_is_put_right_and_read(seen: dict[str, Any]) -> None:
    said = ["write /etc/swanctl/conf.d/dingli-lines.conf", "restart strongswan.service"]
    assert seen["repaired"]["changes"] == {"Encrypt the lines": said}


def test_swanctl_finds_copies_that_it_may_read_and_fresh_ones_after_a_renewal(seen: dict[str, Any]) -> None:
    end = "-----END CERTIFICATE-----\n"
    files = ["private/dingli.key", "x509/dingli.crt", "x509ca/dingli-ca.crt", "x509ca/dingli-intermediate.crt"]
    listed = "".join(f"-rw------- {file}\n" for file in files)
    assert seen["copied"] == f"{listed}key\nleaf\n{end}root\nintermediate\n{end}"
    assert seen["renewed"] == f"{listed}another\nfresh\n{end}root\nintermediate\n{end}"


def test_monitoring_hears_at_once_of_a_line_that_goes_or_comes(seen: dict[str, Any]) -> None:
    told = ["told" in seen[name] for name in STEPS if name.startswith("look")]
    assert told == [True, False, True, True, False, True]


def test_an_instance_carries_its_ends_of_lines_before_there_is_a_network(seen: dict[str, Any]) -> None:
    guard = "Forward between the sites, and nothing in clear"
    predicted, done = seen["instance predicted"], seen["instance"]
    changes = {task: [one.removeprefix("would ") for one in said] for task, said in predicted["changes"].items()}
    assert (changes, predicted["failed"], done["failed"]) == (done["changes"], [], [])
    assert {f"write {CARRY}", "restart dingli-lines-guard.service"} <= set(done["changes"][guard])
    assert seen["instance again"]["changes"] == {}
    assert f"ExecStart={CARRY} 192.0.2.2 192.0.2.6" in seen["unit"].splitlines()
    assert seen["carried"] == seen["carried again"] == "192.0.2.2/32\n192.0.2.6/32\n"
    assert seen["carried others"] == "192.0.2.6/32\n192.0.2.9/32\n", "what is not declared any more goes"
    assert seen["asking"] == "2\n", "with the interface's own address"
    assert f"remove {CARRY}" in seen["rack again"]["changes"][guard]
    assert seen["left of the instance"] == ""
