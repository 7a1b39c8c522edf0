"""A program with every type, under the real engine: made once, mended, made again, imported, interrupted, removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.unit.providers.industry.conftest import ACCESS_KEY, SECRET, aws_environment
from tests.unit.providers.industry.project import NAMES, Project, summary
from tests.unit.providers.industry.service import CloudService

pytestmark = pytest.mark.engine
EVERYTHING = len(NAMES) + 2  # the stack and the component


@pytest.fixture(scope="module")
def project(running_service: CloudService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A stack in an empty cloud that has an image."""
    folder = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        aws_environment(patch, folder)
        running_service.reset()
        ec2 = running_service.client("ec2")
        image = ec2.register_image(Name="debian-13")["ImageId"]
        ec2.create_tags(Resources=[image], Tags=[{"Key": "dingli:architecture", "Value": "aarch64"}])
        yield Project(folder, running_service)


@pytest.fixture
def site(project: Project) -> Project:
    """The stack with all its resources."""
    project.declare()
    if set(project.ids()) != set(NAMES):
        project.up("--refresh")
    return project


@pytest.fixture
def ec2(running_service: CloudService) -> Any:
    return running_service.client("ec2")


@pytest.fixture
def s3(running_service: CloudService) -> Any:
    return running_service.client("s3")


def test_a_machine_of_the_wrong_architecture_is_refused_before_anything_is_made(project: Project) -> None:
    project.declare(second=True, machine={"architecture": "x86_64"})
    project.service.calls.clear()
    result = project.pulumi("up", "--yes")

    assert result.returncode != 0
    assert "is for aarch64, the machine is x86_64" in result.stdout + result.stderr
    assert project.service.calls
    assert [call for call in project.service.calls if not call.startswith("Describe")] == []


def test_all_mistakes_of_a_resource_are_told_at_once(project: Project) -> None:
    project.declare(bucket={"name": "NO", "versioning": False, "encryption": "rot13"})
    said = project.pulumi("preview").stdout

    for words in ("expected 3 to 63 lower-case", "`object_lock` needs versions", "AES256, aws:kms, none"):
        assert words in said


def test_everything_is_made_once(project: Project) -> None:
    project.declare()

    assert summary(project.up()) == {"created": EVERYTHING}
    assert summary(project.up()) == {"unchanged": EVERYTHING}


def test_what_was_changed_by_hand_is_named_by_a_refresh_and_mended_by_up(site: Project, ec2: Any, s3: Any) -> None:
    ids = site.ids()
    open_to_all = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(GroupId=ids["group"], IpPermissions=[open_to_all])
    ec2.stop_instances(InstanceIds=[ids["machine"]])
    ec2.detach_volume(VolumeId=ids["disk"], InstanceId=ids["machine"])
    s3.delete_public_access_block(Bucket=ids["bucket"])
    refreshed = site.must("refresh", "--yes", "--skip-preview")
    mended = site.up()
    site.must("preview", "--refresh", "--expect-no-changes")

    for words in ("ingress: found tcp 22 0.0.0.0/0", "running: found false", "instance_id: found nothing"):
        assert f"drift: {words}" in refreshed
    assert "drift: block_public_access: found false, declared true" in refreshed
    assert summary(mended) == {"updated": 4, "unchanged": EVERYTHING - 4}
    assert site.ids() == ids


def test_what_was_deleted_by_hand_is_made_again(site: Project, ec2: Any, s3: Any) -> None:
    before = site.ids()
    ec2.terminate_instances(InstanceIds=[before["machine"]])
    ec2.delete_key_pair(KeyName="operator")
    s3.delete_bucket(Bucket=before["bucket"])
    made = summary(site.up("--refresh"))
    after = site.ids()

    assert made["created"] == 3
    assert {name for name in NAMES if before[name] != after[name]} == {"machine", "key"}
    assert (
        ec2.describe_volumes(VolumeIds=[after["disk"]])["Volumes"][0]["Attachments"][0]["InstanceId"]
        == after["machine"]
    )


def test_a_change_is_made_in_place_where_the_cloud_can_and_by_replacing_where_not(site: Project) -> None:
    before = site.ids()
    other = {"user_data": "#!/bin/sh\necho other\n"}
    site.declare(machine=other)
    refused = site.pulumi("up", "--yes", "--skip-preview").stdout
    site.declare(machine=other | {"accept_replacement": before["machine"]}, network={"tags": {"owner": "nobody"}})
    said = summary(site.up())
    after = site.ids()
    site.declare(machine={"accept_replacement": after["machine"]})
    site.up()
    site.declare()
    site.up()

    assert f"set `accept_replacement: {before['machine']}` on" in refused
    # the disk is attached again, and the route leads to the new machine
    assert said == {"replaced": 1, "updated": 3, "unchanged": EVERYTHING - 4}
    assert {name for name in NAMES if before[name] != after[name]} == {"machine"}


def test_what_is_imported_needs_no_change(site: Project) -> None:
    ids = site.ids()
    site.must("stack", "rm", "one", "--force", "--yes", "--preserve-config")
    site.must("stack", "init", "one")
    site.declare(ids)
    imported = site.up()
    site.declare()
    site.must("preview", "--refresh", "--expect-no-changes")

    assert f"{len(NAMES)} imported" in imported
    assert site.ids() == ids


def test_credentials_are_left_nowhere(site: Project) -> None:
    files = [file for file in site.folder.parent.rglob("*") if file.is_file() and not file.is_symlink()]
    shown = site.must("stack", "export", "--show-secrets")

    for canary in (SECRET, ACCESS_KEY):
        assert canary not in shown
        assert [file for file in files if canary.encode() in file.read_bytes()] == []


def test_a_creation_that_was_killed_is_found_again_and_everything_can_be_removed(
    site: Project, ec2: Any, s3: Any
) -> None:
    site.must("destroy", "--yes", "--skip-preview")
    site.service.calls.clear()
    site.service.on("RunInstances", site.killing)
    killed = site.pulumi("up", "--yes", "--skip-preview")
    again = site.up()
    asked = site.service.calls.count("RunInstances")
    site.must("destroy", "--yes", "--skip-preview")

    assert killed.returncode != 0
    assert "from a run that was cut short: it is used" in again
    assert asked == 1
    assert _left(ec2, s3) == []


def _left(ec2: Any, s3: Any) -> list[str]:
    """Whatever carries our tags and is not over, and what came with it."""
    ours = [{"Name": "tag-key", "Values": ["dingli:resource"]}]
    groups = ec2.describe_security_groups(Filters=ours)["SecurityGroups"]
    found = [one["VpcId"] for one in ec2.describe_vpcs(Filters=ours)["Vpcs"]]
    found += [one["SubnetId"] for one in ec2.describe_subnets(Filters=ours)["Subnets"]]
    found += [one["GroupId"] for one in groups]
    found += [one["KeyName"] for one in ec2.describe_key_pairs()["KeyPairs"]]
    found += [one["VolumeId"] for one in ec2.describe_volumes()["Volumes"]]
    found += [one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces()["NetworkInterfaces"]]
    machines = [one for each in ec2.describe_instances()["Reservations"] for one in each["Instances"]]
    found += [one["InstanceId"] for one in machines if one["State"]["Name"] != "terminated"]
    return [*found, *(one["Name"] for one in s3.list_buckets()["Buckets"])]
