"""A lab of two hosts for tests that plan and never act."""

from __future__ import annotations

from lab.layout import LabHost, Layout


def host(name: str, address: str, arch: str = "x86_64") -> LabHost:
    gateway = f"{address.rpartition('.')[0]}.1"
    return LabHost(name, "east", address, 24, gateway, arch, "debian-13", "0123456789abcdef", arch != "x86_64")


ONE = host("one-1", "198.18.1.11")
TWO = host("two-1", "198.18.2.11")
LAB = Layout("198.18.0.0/16", {"east": "198.18.1.0/24", "west": "198.18.2.0/24"}, (ONE, TWO))
