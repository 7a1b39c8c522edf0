"""The policy pack under the real engine: a program that keeps to the rules goes up, what breaks them is refused."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dingli.environment import load
from dingli.stacks.engine import Engine
from dingli.stacks.names import StackName
from infra.policies.rules.placement import PLACED
from tests.unit.providers.industry.conftest import ACCESS_KEY, SECRET, aws_environment
from tests.unit.providers.industry.project import NAMES, ROOT, Project, summary
from tests.unit.providers.industry.service import CloudService

pytestmark = pytest.mark.engine
EVERYTHING = len(NAMES) + 2  # the stack and the component
PACK = ("--policy-pack", str(ROOT / "infra" / "policies"))
OWNER = {"owner": "trading"}
LOW = {**OWNER, "data-level": "2"}
GOOD: Mapping[str, Mapping[str, Any]] = {
    **{name: {"tags": OWNER} for name in ("network", "subnet", "group", "key")},
    **{name: {"tags": LOW} for name in ("machine", "disk")},
    "bucket": {"tags": {**LOW, "holds": "evidence"}},
}
SSH = {"protocol": "tcp", "from_port": 20, "to_port": 25, "peer": "0.0.0.0/0"}
OPEN = {**GOOD["group"], "ingress": [SSH, {"protocol": "tcp", "from_port": 2379, "peer": "self"}]}
HIGH = {"tags": {**GOOD["bucket"]["tags"], "data-level": "4"}}


@pytest.fixture(scope="module")
def project(running_service: CloudService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A stack in an empty cloud that has an image."""
    folder = tmp_path_factory.mktemp("policies")
    with pytest.MonkeyPatch.context() as patch:
        aws_environment(patch, folder)
        running_service.reset()
        ec2 = running_service.client("ec2")
        image = ec2.register_image(Name="debian-13")["ImageId"]
        ec2.create_tags(Resources=[image], Tags=[{"Key": "dingli:architecture", "Value": "aarch64"}])
        yield Project(folder, running_service)


def declare(project: Project, **changes: Mapping[str, Any]) -> None:
    """The good program, with other inputs for some."""
    wanted: dict[str, Any] = {**GOOD, **changes}
    project.declare(**wanted)


def test_everything_wrong_is_told_by_one_preview_with_the_clauses(project: Project) -> None:
    declare(
        project,
        group=OPEN,
        bucket={**HIGH, "object_lock": None, "encryption": "none"},
        disk={"tags": LOW, "encrypted": False},
        key={"tags": {"data-level": "1"}},
        machine={"tags": OWNER},
    )
    result = project.pulumi("preview", *PACK)
    said = result.stdout + result.stderr

    assert result.returncode != 0
    for words in (
        "GB/T 22239-2019 8.1.3.2.a 默认拒绝",
        "port 22 is open to 0.0.0.0/0: tcp 20-25 0.0.0.0/0",
        "GB/T 22239-2019 8.1.10.2.c 信息分类标识; JR/T 0158-2018 8.3 数据分级方法",
        "data of level 4 (极高) on the industry cloud",
        "no data level, which counts as 4 (极高), on the industry cloud",
        "GB/T 22239-2019 8.1.4.8.b 存储保密性",
        "the disk is not encrypted",
        "the bucket is not encrypted",
        "GB/T 22239-2019 8.1.4.7.b 存储完整性",
        "holds evidence, and has no object lock",
        "GB/T 22239-2019 8.1.10.2.b 资产标识",
        "no tag `owner`",
        "what to do: ",
    ):
        assert words in said
    assert said.count("[mandatory]") == 7


@pytest.mark.parametrize(
    ("changes", "clause", "call"),
    [
        ({"group": OPEN}, "8.1.3.2.a 默认拒绝", "CreateSecurityGroup"),
        ({"bucket": HIGH}, "8.1.10.2.c 信息分类标识", "PUT /dingli-evidence"),
    ],
    ids=["open-ssh", "level-4-bucket"],
)
def test_an_update_makes_nothing_that_breaks_a_rule(
    project: Project, changes: Mapping[str, Any], clause: str, call: str
) -> None:
    declare(project, **changes)
    project.service.calls.clear()
    result = project.pulumi("up", "--yes", "--skip-preview", *PACK)

    assert result.returncode != 0
    assert clause in result.stdout + result.stderr
    assert call not in project.service.calls


def test_dingli_refuses_it_without_being_asked_to(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The engine as `dingli preview` and `dingli up` start it; what a shell says about policies does not count."""
    declare(project, bucket=HIGH)
    project.service.calls.clear()
    engine = started_by_dingli(project, monkeypatch, tmp_path)
    for verb, options in {"preview": (), "up": ("--yes", "--skip-preview")}.items():
        outcome = engine.run(StackName("one", "site"), verb, *options)

        assert not outcome.ok
        assert [line for line in outcome.errors if line.startswith(f"bucket: data-placement: {PLACED.description}")]
    assert "PUT /dingli-evidence" not in project.service.calls


def started_by_dingli(project: Project, patch: pytest.MonkeyPatch, home: Path) -> Engine:
    """An Engine that takes the project for its clone, and finds credentials as somebody's profile."""
    (project.folder / ".dingli").mkdir()
    (project.folder / ".dingli" / "bin").symlink_to(ROOT / ".dingli" / "bin")
    shutil.copy(project.folder / "Pulumi.one.yaml", project.folder / "Pulumi.one-site.yaml")
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(
        f"[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET}\n"
    )
    (home / "off.json").write_text('{"all": "disabled"}')
    settings = {name: project.env[name] for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE")}
    settings |= {"DINGLI_ROOT": str(project.folder), "HOME": str(home)}
    settings |= {"PULUMI_OPTION_POLICY_PACK_CONFIG": str(home / "off.json")}
    for name, value in settings.items():
        patch.setenv(name, value)
    return Engine(load(ROOT / "stacks" / "environments" / "lab.yaml"), lambda site, message: None)


def test_a_program_that_keeps_to_the_rules_goes_up_and_changes_nothing_the_second_time(project: Project) -> None:
    declare(project)

    project.up(*PACK)
    assert set(project.ids()) == set(NAMES)
    assert summary(project.up(*PACK)) == {"unchanged": EVERYTHING}
