"""Two environments of one clone: nothing of the one is the other's, however alike their names are."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from dingli import ssh
from dingli.environment import Environment, InvalidEnvironment, load, state_dir
from dingli.environment.rules.names import CLONES_OWN
from dingli.evidence import Store
from dingli.evidence.exceptions import RunUnderWay
from dingli.evidence.store import default_allowed_signers
from dingli.pki import Places, initialise
from dingli.setup.shell import write_env
from dingli.setup.workflows import _forget_machines
from dingli.stacks.names import StackName, stack_and_environment
from dingli.stacks.operation import Choice

HERE = Path(__file__).parent
NAMES = ("lab", "lab-two")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A clone with two environments of the same sites and hosts."""
    for variable, folder in (("DINGLI_ROOT", "clone"), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config")):
        monkeypatch.setenv(variable, str(tmp_path / folder))
    environments = tmp_path / "clone" / "stacks" / "environments"
    environments.mkdir(parents=True)
    for name in NAMES:
        (environments / f"{name}.yaml").write_text(
            (HERE / "base.yaml").read_text().replace("name: base", f"name: {name}", 1)
        )
    yield tmp_path / "clone"
    shutil.rmtree(tmp_path)


@pytest.fixture
def both(clone: Path) -> tuple[Environment, Environment]:
    return load(NAMES[0]), load(NAMES[1])


def test_no_file_of_an_environment_is_the_others(both: tuple[Environment, Environment]) -> None:
    def files(one: Environment) -> list[Path]:
        host = next(iter(one.hosts))
        reached, places = ssh.target(one, host), Places.of(one.name, state_dir(one.name))
        store = Store.of(one.name)
        assert reached.key is not None
        return [
            reached.known_hosts, reached.key, store.runs, store.statements, store.witness_keys,
            places.root_key, places.root_passphrase, places.intermediate_key, places.intermediate_passphrase,
            default_allowed_signers(one.name),
        ]  # fmt: skip

    first, second = files(both[0]), files(both[1])

    assert not set(first) & set(second)
    for one, other in zip(first, second, strict=True):
        assert one not in other.parents
        assert other not in one.parents


def test_stacks_have_names_of_their_own(both: tuple[Environment, Environment]) -> None:
    first, second = (set(map(str, Choice().of(one))) for one in both)

    assert first
    assert not first & second
    for name in first | second:
        assert str(stack_and_environment(name)[0]) == name
    assert stack_and_environment("lab-two-far")[0] == StackName("lab-two", "far")


def test_keys_and_passphrases_differ(both: tuple[Environment, Environment]) -> None:
    secrets: list[set[bytes]] = []
    for one in both:
        initialise(Places.of(one.name, state_dir(one.name)))
        ssh.make_deploy_key(ssh.deploy_key(one.name))
        store = Store.of(one.name)
        made = [store.signing_key(), store.login_key(), ssh.deploy_key(one.name)]
        places = Places.of(one.name, state_dir(one.name))
        made += [places.root_key, places.root_passphrase, places.intermediate_key, places.intermediate_passphrase]
        secrets.append({path.read_bytes() for path in made})

    assert len(secrets[0]) == len(secrets[1]) == 7
    assert not secrets[0] & secrets[1]


def test_a_run_of_the_one_does_not_lock_the_other(both: tuple[Environment, Environment]) -> None:
    first, second = (Store.of(one.name) for one in both)

    with first.lock("up"), second.lock("drill"):
        assert first.run_under_way()
        assert second.run_under_way()
        with pytest.raises(RunUnderWay, match="a run of lab is"), first.lock("drill"):
            pass


def test_an_address_known_to_the_one_is_not_known_to_the_other(both: tuple[Environment, Environment]) -> None:
    ssh.make_deploy_key(ssh.deploy_key("lab"))
    key = paramiko.PKey.from_path(str(ssh.deploy_key("lab")))
    ssh.KnownHosts(ssh.known_hosts_file("lab")).remember("10.0.1.1", 22, key)

    assert ("10.0.1.1", 22) in ssh.KnownHosts(ssh.known_hosts_file("lab"))
    assert ("10.0.1.1", 22) not in ssh.KnownHosts(ssh.known_hosts_file("lab-two"))


def test_forgetting_the_labs_machines_keeps_those_of_a_namesake(clone: Path) -> None:
    stacks = clone / ".dingli" / "pulumi" / ".pulumi" / "stacks" / "dingli"
    stacks.mkdir(parents=True)
    for name in NAMES:
        (stacks / f"{name}-far.json").touch()
        (stacks / f"{name}-far.json.bak").touch()
        (clone / "stacks" / f"Pulumi.{name}-far.yaml").touch()
        (clone / ".dingli" / name).mkdir()
        (clone / ".dingli" / name / "known_hosts").touch()

    _forget_machines(clone)

    left = {path.name for path in clone.rglob("*-far*")} | {
        str(path.relative_to(clone)) for path in clone.rglob("known_hosts")
    }
    assert left == {
        "lab-two-far.json", "lab-two-far.json.bak", "Pulumi.lab-two-far.yaml", ".dingli/lab-two/known_hosts"
    }  # fmt: skip


def test_two_sites_that_would_be_one_stack_are_refused(clone: Path) -> None:
    file = clone / "stacks" / "environments" / "lab.yaml"
    text = file.read_text()
    file.write_text(text.replace("far:", "two-far:").replace("site: far", "site: two-far"))

    with pytest.raises(InvalidEnvironment, match="'lab-two-far', which site 'far' of environment 'lab-two' has too"):
        load("lab")


@pytest.mark.parametrize("name", sorted(CLONES_OWN))
def test_an_environment_is_not_named_like_a_folder_of_the_clone(clone: Path, name: str) -> None:
    file = clone / "stacks" / "environments" / f"{name}.yaml"
    file.write_text((HERE / "base.yaml").read_text().replace("name: base", f"name: {name}", 1))

    with pytest.raises(InvalidEnvironment, match="for the clone itself"):
        load(name)


def test_every_folder_that_set_up_makes_is_known_to_be_the_clones(clone: Path) -> None:
    (clone / ".dingli").mkdir(exist_ok=True)
    write_env(clone)

    assert {path.name for path in (clone / ".dingli").iterdir()} <= CLONES_OWN
