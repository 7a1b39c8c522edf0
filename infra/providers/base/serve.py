"""Running a provider as a process of the engine."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Sequence

import grpc
import grpc.aio
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2_grpc

from infra.providers.base.cancellation import Cancellation
from infra.providers.base.provider import LocalProvider
from infra.providers.base.resource import Configuration, ResourceType
from infra.providers.base.servicer import Servicer

__all__ = ["exit_with_parent", "serve"]

_GRACE_S = 4


def exit_with_parent() -> None:
    """End this process as soon as its parent has ended, however that happened."""
    parent = os.getppid()
    try:
        watched = os.pidfd_open(parent)
    except ProcessLookupError:
        os._exit(1)
    if os.getppid() != parent:
        os._exit(1)

    def watch() -> None:
        select.select([watched], [], [])
        os._exit(1)  # playbook processes see their standard input end and clean up

    threading.Thread(target=watch, name="parent", daemon=True).start()


def serve(
    port_output: int, name: str, types: Sequence[ResourceType], configuration: Configuration | None = None
) -> None:
    """Serve the engine whose address is the first argument, until it ends this process."""
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit(f"{name}: no engine address given. This program is started by pulumi; see Pulumi.yaml.")
    exit_with_parent()
    asyncio.run(_serve(port_output, name, types, configuration, addresses[0]))


async def _serve(
    port_output: int,
    name: str,
    types: Sequence[ResourceType],
    configuration: Configuration | None,
    engine_address: str,
) -> None:
    channel = grpc.insecure_channel(engine_address, options=_GRPC_CHANNEL_OPTIONS)
    cancellation = Cancellation()
    provider = LocalProvider(name, types, engine_pb2_grpc.EngineStub(channel), cancellation, configuration)
    server = grpc.aio.server(options=_GRPC_CHANNEL_OPTIONS)
    servicer = Servicer(sys.argv[1:], "1.0.0", provider, engine_address=engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _stop_on_signals(server, cancellation)
    os.write(port_output, f"{port}\n".encode())
    os.close(port_output)
    await server.wait_for_termination()


def _stop_on_signals(server: grpc.aio.Server, cancellation: Cancellation) -> None:
    """The engine ends providers with SIGINT; calls still running then are cancelled, and may say what they did."""
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []

    def stop() -> None:
        cancellation.request()
        stopping.append(loop.create_task(server.stop(_GRACE_S)))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
