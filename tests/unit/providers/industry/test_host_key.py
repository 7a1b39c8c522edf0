"""A machine's host key is what its console says, and nobody else."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.values import UNKNOWN
from infra.providers.industry.cloud import Cloud
from infra.providers.industry.host_key import HostKeyType, told_by
from tests.unit.providers.industry.service import Fault
from tests.unit.providers.industry.world import World

FIRST, SECOND = (f"SHA256:{letter * 43}" for letter in "AB")


def console(key: str) -> str:
    """As cloud-init writes it, among other lines; some consoles put the time before each."""
    return "\n".join([
        "[    2.1] systemd[1]: Started OpenSSH server",
        "<14>Nov 21 10:00:00 cloud-init: -----BEGIN SSH HOST KEY FINGERPRINTS-----",
        f"<14>Nov 21 10:00:00 cloud-init: 256 SHA256:{'c' * 43} root@ip-10-3-0-11 (ECDSA)",
        f"<14>Nov 21 10:00:00 cloud-init: 256 {key} root@ip-10-3-0-11 (ED25519)",
        f"<14>Nov 21 10:00:00 cloud-init: 3072 SHA256:{'r' * 43} root@ip-10-3-0-11 (RSA)",
        "<14>Nov 21 10:00:00 cloud-init: -----END SSH HOST KEY FINGERPRINTS-----",
        "ip-10-3-0-11 login:",
    ])  # fmt: skip


def saying(text: str) -> Fault:
    """The cloud's answer, with another console than moto's."""

    def answer(done: Callable[[], Any], environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/xml")])
        output = base64.b64encode(text.encode()).decode()
        return [f"<GetConsoleOutputResponse><output>{output}</output></GetConsoleOutputResponse>".encode()]

    return answer


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (console(FIRST), FIRST),
        (console(FIRST) + "\n" + console(SECOND), SECOND),
        (console(FIRST).replace("\n", "\r\n"), FIRST),
        (console(FIRST).partition("-----END")[0], None),
        (console(FIRST).replace("(ED25519)", "(DSA)"), None),
        (f"256 {FIRST} root@x (ED25519)", None),
        ("", None),
    ],
    ids=["told", "the last of two", "as terminals end lines", "cut off", "another kind", "outside the lines", "empty"],
)
def test_the_key_is_the_ed25519_one_between_the_lines_of_cloud_init(text: str, told: str | None) -> None:
    assert told_by(text) == told


@pytest.mark.slow
def test_the_console_is_asked_until_it_tells_and_never_again(world: World) -> None:
    kind, context = world.types["HostKey"], world.context("HostKey")
    inputs = {"instance_id": world.make("Instance").resource_id}
    world.service.on("GetConsoleOutput", saying(""), saying("booting"), saying(console(FIRST)))
    resource_id, state = kind.create(context, inputs)
    found = kind.read(context, resource_id, state, inputs)

    assert state == found.state == {**inputs, "sha256": FIRST}
    assert world.service.calls.count("GetConsoleOutput") == 3
    assert not kind.diff(context, state, inputs).changed


@pytest.mark.slow
def test_another_machine_has_another_key_which_a_preview_does_not_know(world: World) -> None:
    kind = world.types["HostKey"]
    found = kind.diff(world.context("HostKey"), {"instance_id": "i-1", "sha256": FIRST}, {"instance_id": UNKNOWN})
    previewed = kind.create(world.context("HostKey", preview=True), {"instance_id": "i-2"})

    assert found.replaced == ["instance_id"]
    assert previewed == ("", {"instance_id": "i-2", "sha256": UNKNOWN})
    assert world.service.calls == []


@pytest.mark.slow
def test_a_console_that_never_tells_is_given_up_with_what_is_missing(world: World, cloud: Cloud) -> None:
    impatient = Cloud(type(cloud.settings)(**{**vars(cloud.settings), "wait_seconds": 1}))
    inputs = {"instance_id": world.make("Instance").resource_id}

    with pytest.raises(
        ProviderError, match=r"after 1 s it is still not true that the console of i-.* ED25519 host key"
    ):
        HostKeyType(impatient).create(world.context("HostKey"), inputs)
