"""Which machine a Host is, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest

from dingli.ssh import KnownHosts, SshError, known_hosts_file
from infra.providers.base.cancellation import Cancellation
from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context
from infra.providers.base.values import UNKNOWN
from infra.providers.rack.host import HostType
from infra.providers.rack.machine import Facts, parse, refusal
from tests.unit.providers.industry.world import Lines

_FACTS = Facts("x86_64", "debian-13", "a" * 32, 2, 2048, "3.13.5")


class _Silent:
    def info(self, message: str) -> None: ...

    def progress(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...


_CONTEXT = Context("urn:pulumi:s::p::rack:index:Host::h", _Silent(), Cancellation())
_NEWS = {"environment": "lab", "host": "h", "address": "198.51.100.1", "arch": "x86_64", "os": "debian-13"}
_STATE = _NEWS | {
    "machine_id": "a" * 32,
    "adopted_key": "SHA256:k",
    "seen_machine_id": "a" * 32,
    "seen_host_key": "SHA256:k",
}


def _diff(state: dict[str, Any], news: dict[str, Any]) -> Any:
    return HostType().diff(_CONTEXT, state, news)


def test_an_unchanged_host_has_no_difference() -> None:
    assert not _diff(_STATE, _NEWS).changed


def test_a_new_address_is_an_update_in_place() -> None:
    found = _diff(_STATE, _NEWS | {"address": "198.51.100.2"})

    assert list(found.changed) == ["address"]
    assert not found.replaced


@pytest.mark.parametrize("seen", [{"seen_machine_id": "b" * 32}, {"seen_machine_id": "", "seen_host_key": "SHA256:n"}])
def test_another_machine_is_refused_with_the_setting_that_accepts_it(seen: dict[str, str]) -> None:
    state = _STATE | seen

    found = _diff(state, _NEWS)
    preview = replace(_CONTEXT, preview=True)

    assert found.changed
    assert not found.replaced
    with pytest.raises(ProviderError, match=f"accept_replacement: {state['seen_host_key']}"):
        HostType().update(preview, "lab/h", state, _NEWS)


def test_an_accepted_machine_replaces_the_old_one_which_goes_first() -> None:
    state = _STATE | {"seen_machine_id": "b" * 32, "seen_host_key": "SHA256:n"}
    found = _diff(state, _NEWS | {"accept_replacement": "SHA256:n"})

    assert found.replaced
    assert found.delete_before_replace


_MADE = {"instance_id": "i-1", "first_user": "debian", "host_key_sha256": "SHA256:k"}


@pytest.mark.parametrize("instance", ["i-2", UNKNOWN])
def test_another_instance_of_the_stack_replaces_the_host_and_nobody_has_to_accept_it(instance: Any) -> None:
    state = _STATE | _MADE | {"seen_machine_id": "b" * 32, "seen_host_key": "SHA256:n"}
    found = _diff(state, _NEWS | _MADE | {"instance_id": instance})

    assert found.replaced == ["instance_id"]
    assert found.delete_before_replace


def test_another_machine_in_the_place_of_the_same_instance_is_refused() -> None:
    state = _STATE | _MADE | {"seen_host_key": "SHA256:n"}

    assert not _diff(state, _NEWS | _MADE).replaced
    with pytest.raises(ProviderError, match="terminate the instance"):
        HostType().update(replace(_CONTEXT, preview=True), "lab/h", state, _NEWS | _MADE)


def test_an_instance_that_goes_is_not_asked_and_its_key_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DINGLI_ROOT", str(tmp_path))
    known = KnownHosts(known_hosts_file("lab"))
    known.remember(_NEWS["address"], 22, paramiko.ECDSAKey.generate())
    HostType().delete(_CONTEXT, "lab/h", _STATE | _MADE)

    assert (_NEWS["address"], 22) not in known


def test_a_preview_says_what_comes_when_the_instance_is_there() -> None:
    said = Lines()
    context = replace(_CONTEXT, log=said, preview=True)
    unknown = {"instance_id": UNKNOWN, "host_key_sha256": UNKNOWN}
    HostType().create(context, _NEWS | _MADE | unknown)

    assert said.lines == [
        "would adopt h at 198.51.100.1 (x86_64, debian-13) when its instance has told its host key on its console; "
        "everything is deployed to it then"
    ]


@pytest.mark.parametrize(
    ("arch", "os", "found"),
    [("aarch64", "debian-13", "architecture x86_64"), ("x86_64", "debian-12", "operating system debian-13")],
)
def test_a_machine_other_than_declared_is_refused(arch: str, os: str, found: str) -> None:
    assert found in str(refusal(_FACTS, arch, os))


def test_the_declared_machine_is_not_refused() -> None:
    assert refusal(_FACTS, "x86_64", "debian-13") is None


def test_facts_are_read_from_the_script_s_lines() -> None:
    lines = [
        "arch=x86_64",
        "os=debian-13",
        f"machine_id={'a' * 32}",
        "cores=2",
        "memory_mib=2048",
        "python=Python 3.13.5",
    ]

    assert parse("h", "\n".join(lines)) == _FACTS


def test_a_machine_without_a_readable_machine_id_cannot_be_told_from_another() -> None:
    with pytest.raises(SshError, match="machine-id"):
        parse("h", "arch=x86_64\nos=debian-13\nmachine_id=\ncores=2\nmemory_mib=1\npython=Python 3.13.5")
