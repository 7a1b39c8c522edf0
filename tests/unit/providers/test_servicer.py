"""What the engine is told when something fails."""

from __future__ import annotations

from google.protobuf import json_format
from pulumi.runtime.proto import provider_pb2

from infra.providers.base.exceptions import Incomplete, ProviderError
from infra.providers.base.servicer import failed_status


def test_a_failure_after_touching_a_host_carries_the_state_reached() -> None:
    status = failed_status(Incomplete("lab/dr/base", {"applied": {"dr-1": "sum"}}, ["dr-2: no answer"]))
    carried = provider_pb2.ErrorResourceInitFailed()

    assert status.details[0].Unpack(carried)
    assert carried.id == "lab/dr/base"
    assert json_format.MessageToDict(carried.properties) == {"applied": {"dr-1": "sum"}}
    assert list(carried.reasons) == ["dr-2: no answer"]


def test_a_failure_before_touching_anything_carries_no_state() -> None:
    status = failed_status(ProviderError("the wrong machine", "the declared one", "correct the file"))

    assert not status.details
    assert status.message == "the wrong machine\nexpected: the declared one\nwhat to do: correct the file"
