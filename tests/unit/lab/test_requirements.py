"""A machine that cannot host a lab is told everything that is missing, at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.layout import LabLine, Layout
from lab.requirements import PROGRAMS, Machine, limitations, with_credentials
from tests.unit.lab.small_lab import LAB, ONE, host

FIT = Machine(
    root=True,
    system="Linux",
    programs=frozenset(PROGRAMS),
    file_systems=frozenset({"overlay", "cgroup2", "ext4"}),
    memory_mib=16000,
    disk_free_gib=50.0,
    emulators=frozenset({"x86_64"}),
    routes=(("192.0.2.0/24", "eth0"), ("198.18.0.0/16", "dingli-lab")),
)


def test_a_fit_machine_has_no_limitation() -> None:
    assert limitations(FIT, LAB, "dingli-lab") == ()


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (replace(FIT, root=False), "sudo"),
        (replace(FIT, system="Darwin"), "Darwin"),
        (replace(FIT, programs=FIT.programs - {"podman", "nft"}), "apt-get install nftables podman"),
        (replace(FIT, file_systems=frozenset({"cgroup2"})), "overlay"),
        (replace(FIT, memory_mib=500), "500 MiB"),
        (replace(FIT, disk_free_gib=1.0), "1.0 GiB"),
        (replace(FIT, routes=(("198.18.4.0/24", "tun0"),)), "198.18.4.0/24 by tun0"),
    ],
)
def test_each_lack_is_named(machine: Machine, words: str) -> None:
    (reason,) = limitations(machine, LAB, "dingli-lab")
    assert words in reason


def test_gateways_of_lines_need_tunnels_and_others_do_not() -> None:
    without = replace(FIT, tunnels=False)
    (reason,) = limitations(without, replace(LAB, lines=(LabLine("a--b--1", "192.0.2.1", "192.0.2.2"),)), "dingli-lab")
    assert "modprobe tun" in reason
    assert limitations(without, LAB, "dingli-lab") == ()


def test_all_lacks_are_named_at_once() -> None:
    bare = Machine(False, "Linux", frozenset(), frozenset(), 0, 0.0, frozenset({"x86_64"}))
    assert len(limitations(bare, LAB, "dingli-lab")) == 6


def test_a_foreign_processor_needs_an_emulator() -> None:
    mixed = Layout(LAB.supernet, LAB.networks, (ONE, host("arm-1", "198.18.2.12", "aarch64")))
    (reason,) = limitations(FIT, mixed, "dingli-lab")
    assert "aarch64" in reason
    assert limitations(replace(FIT, emulators=frozenset({"x86_64", "aarch64"})), mixed, "dingli-lab") == ()


def test_foreign_programs_keep_the_credentials_of_set_user_id() -> None:
    line = rb":qemu-aarch64:M::\x7fELF:\xff\xff:/usr/libexec/qemu-binfmt/aarch64-binfmt-P:OPF" + b"\n"
    assert with_credentials(line).endswith(b"aarch64-binfmt-P:COPF")
    assert with_credentials(with_credentials(line)) == with_credentials(line)
