"""A provider as a process: its first line, its messages, its end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[3]
_BLOCKING = """
from infra.providers.base.stdout import claim
port = claim()
print("printed before the port")
import threading
from infra.providers.base.resource import ResourceType
from infra.providers.base.serve import serve
class Slow(ResourceType):
    token, inputs, outputs = "slow:index:Slow", {}, {}
    together = threading.Barrier(20)
    def diff(self, context, state, news): ...
    def create(self, context, news):
        print("printed later")
        context.log.info("here")
        self.together.wait(60)
        return "id", {}
    update = read = delete = diff
serve(port, "slow", [Slow()])
"""


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def Log(self, request: object, context: object) -> empty_pb2.Empty:  # noqa: N802
        self.messages.append((request.urn, request.message))  # type: ignore[attr-defined]
        return empty_pb2.Empty()


@pytest.fixture
def engine() -> Iterator[tuple[_Engine, str]]:
    servicer = _Engine()
    server = grpc.server(futures.ThreadPoolExecutor(32))
    engine_pb2_grpc.add_EngineServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield servicer, f"127.0.0.1:{port}"
    server.stop(None)


def test_twenty_blocking_calls_run_at_once_and_only_the_port_is_on_standard_output(engine: tuple[_Engine, str]) -> None:
    servicer, address = engine
    process = subprocess.Popen([sys.executable, "-c", _BLOCKING, address], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = int(process.stdout.readline())
    stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}"))
    urns = [f"urn:pulumi:s::p::slow:index:Slow::{number}" for number in range(20)]
    calls = [stub.Create.future(provider_pb2.CreateRequest(urn=urn), timeout=120) for urn in urns]

    assert [call.result().id for call in calls] == ["id"] * 20
    assert sorted(servicer.messages) == sorted((urn, "here") for urn in urns)
    process.terminate()
    assert process.stdout.read() == ""
    assert process.wait(60) == 0


def test_a_provider_ends_with_its_parent() -> None:
    starter = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {_BLOCKING!r}, "127.0.0.1:1"], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
"""
    started = subprocess.run([sys.executable, "-c", starter], cwd=ROOT, capture_output=True, text=True, check=True)
    wait_for(lambda: not _alive(int(started.stdout)), what="the provider ends with its parent")


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", ["rack", "deployment", "industry"])
def test_the_schema_describes_every_type(name: str) -> None:
    launcher = ROOT / "infra" / "providers" / name / f"pulumi-resource-{name}"
    process = subprocess.Popen([launcher, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    stub = provider_pb2_grpc.ResourceProviderStub(
        grpc.insecure_channel(f"127.0.0.1:{process.stdout.readline().strip()}")
    )
    schema = stub.GetSchema(provider_pb2.GetSchemaRequest(), timeout=60).schema
    process.terminate()

    types = {
        "rack": "rack:index:Host",
        "deployment": "deployment:index:Deployment",
        "industry": "industry:index:Bucket",
    }
    assert types[name] in schema
    assert process.wait(60) == 0
