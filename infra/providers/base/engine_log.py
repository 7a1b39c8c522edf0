"""Messages on the engine's screen, under the resource they belong to."""

from __future__ import annotations

import logging
from typing import Protocol

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

__all__ = ["EngineLog", "Log"]


class Log(Protocol):
    """Where an operation reports."""

    def info(self, message: str) -> None:
        """Something worth keeping."""

    def progress(self, message: str) -> None:
        """Of interest only while it happens."""

    def warning(self, message: str) -> None:
        """Something that a person should look at."""


class EngineLog:
    """The Log call of the engine: `print` and `pulumi.log` do not arrive from a provider."""

    def __init__(self, engine: engine_pb2_grpc.EngineStub, urn: str) -> None:
        self._engine = engine
        self._urn = urn

    def info(self, message: str) -> None:
        self._send(engine_pb2.INFO, message)

    def progress(self, message: str) -> None:
        self._send(engine_pb2.INFO, message, ephemeral=True)

    def warning(self, message: str) -> None:
        self._send(engine_pb2.WARNING, message)

    def _send(self, severity: engine_pb2.LogSeverity.ValueType, message: str, ephemeral: bool = False) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=self._urn, ephemeral=ephemeral)
        try:
            self._engine.Log(request, timeout=5)
        except grpc.RpcError as error:  # the engine has gone: the work itself is told by the cancellation
            logging.getLogger(__name__).warning("the engine took no message: %s", error)
