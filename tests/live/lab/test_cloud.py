"""The lab's cloud keeps its word to a real Pulumi program. One stack, in the order of its life."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.lab.box import Box
from tests.live.lab.cloud_stack import ADDRESSES, CloudStack

pytestmark = pytest.mark.long  # builds a lab of its own

_LISTEN = "sudo systemd-run --quiet --unit=listen-{port} python3 -m http.server {port}"


@pytest.fixture(scope="module")
def stack(bare_box: Box) -> Iterator[CloudStack]:
    """With its two machines up."""
    with tempfile.TemporaryDirectory(prefix="dingli-cloud-stack-") as folder:
        made = CloudStack(bare_box, Path(folder))
        made.up()
        yield made


def test_what_is_up_answers_to_its_key_and_has_run_its_user_data_once(stack: CloudStack) -> None:
    states = {name: (one["state"], one["address"]) for name, one in stack.instances().items()}
    done = stack.ssh("dr-1", "hostname; sudo id -un; sudo systemctl start cloud-final; sudo cat /root/user-data")

    assert states == {name: ("running", address) for name, address in ADDRESSES.items()}
    assert done.stdout.split() == ["ip-198-18-5-11", "root", "once"], done.stderr
    assert "9 unchanged" in stack.up("--refresh")


def test_the_console_tells_the_host_key_that_ssh_sees(stack: CloudStack) -> None:
    seen = stack.box.run("sh", "-c", "ssh-keyscan -t ed25519 198.18.5.11 | ssh-keygen -lf -").stdout.split()[1]
    console = stack.call("get_console_output", InstanceId=stack.instances()["dr-1"]["id"])

    assert seen in console["Output"]


def test_only_what_the_group_allows_gets_through_to_neighbours_too(stack: CloudStack) -> None:
    for port in (9000, 9001):
        assert stack.ssh("dr-1", _LISTEN.format(port=port)).returncode == 0
    assert stack.ssh("dr-1", "timeout 20 sh -c 'until ss -ltn | grep -q :9001; do sleep 0.1; done'").returncode == 0

    assert stack.is_open("dr-1", 9000, seen_from="dr-2"), "the group's members"
    assert not stack.is_open("dr-1", 9001, seen_from="dr-2"), "a port that is in no rule"
    assert not stack.is_open("dr-1", 22, seen_from="dr-2"), "for others than members"
    assert not stack.is_open("dr-1", 9000), "for members only"


def test_a_change_of_the_group_counts_for_new_connections_and_spares_those_that_exist(stack: CloudStack) -> None:
    network = [{"CidrIp": "198.18.255.252/30"}]
    (group,) = stack.call("describe_security_groups", Filters=[{"Name": "group-name", "Values": ["cell"]}])[
        "SecurityGroups"
    ]
    with stack.session("dr-1", "cat") as session:
        assert session.stdin is not None
        assert session.stdout is not None
        session.stdin.write("before\n")
        session.stdin.flush()
        assert session.stdout.readline() == "before\n"
        ssh = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": network}
        stack.call("revoke_security_group_ingress", GroupId=group["GroupId"], IpPermissions=[ssh])
        closed = not stack.is_open("dr-1", 22)
        session.stdin.write("after\n")
        session.stdin.flush()
        assert session.stdout.readline() == "after\n"
        session.stdin.close()
    stack.up("--refresh")

    assert closed
    assert stack.is_open("dr-1", 22), "Pulumi has mended the group"


def test_a_disk_keeps_its_files_and_an_instance_its_own_over_stop_and_start(stack: CloudStack) -> None:
    written = stack.ssh("dr-1", "echo kept | sudo tee /mnt/sdf/note && sudo mountpoint /mnt/sdf && echo own > own")
    assert written.returncode == 0, written.stdout + written.stderr
    ids = [stack.instances()["dr-1"]["id"]]
    stack.call("stop_instances", InstanceIds=ids)
    stack.wait_for("dr-1", "stopped")
    silent = not stack.is_open("dr-1", 22)
    stack.call("start_instances", InstanceIds=ids)
    stack.wait_for("dr-1", "running")

    assert silent
    done = stack.ssh("dr-1", "sudo cat /mnt/sdf/note; cat own; sudo cat /root/user-data")
    assert done.stdout.split() == ["kept", "own", "once"], done.stderr


def test_a_machine_that_shuts_itself_down_is_stopped(stack: CloudStack) -> None:
    stack.ssh("dr-2", "sudo systemctl poweroff")
    stack.wait_for("dr-2", "stopped")

    assert stack.instances()["dr-2"]["reason"]


def test_what_is_destroyed_is_gone(stack: CloudStack) -> None:
    stack.must("destroy", "--yes", "--skip-preview")

    assert stack.instances() == {}
    assert "dingli-i-" not in stack.box.run("ip", "netns").stdout
    assert stack.box.run("pgrep", "-x", "conmon").stdout == ""
    assert "cloud" not in stack.box.run("ip", "netns", "exec", "dingli-router", "nft", "list", "tables").stdout
    left = "find /var/lib/dingli-lab/cloud/guests /var/lib/dingli-lab/cloud/volumes -mindepth 1"
    assert stack.box.run("sh", "-c", left).stdout == ""


def test_an_up_of_a_lab_without_a_cloud_removes_it(stack: CloudStack) -> None:
    stack.lab_up(with_cloud=False)

    assert "the lab has no cloud" in stack.box.dingli("lab", "cloud").stderr
    assert stack.box.run("pgrep", "-f", "lab.cloud$").stdout == ""
