"""The gRPC face of a provider: errors become answers that the engine understands, without a traceback."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2, status_pb2

from dingli.exceptions import DingliError
from infra.providers.base.exceptions import Incomplete
from infra.providers.base.values import properties

__all__ = ["Servicer"]

T = TypeVar("T")


class _Status(grpc.Status):
    def __init__(self, message: str, details: status_pb2.Status) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = message
        self.trailing_metadata = (("grpc-status-details-bin", details.SerializeToString()),)


def failed_status(error: DingliError) -> status_pb2.Status:
    """What the engine is told; for `Incomplete`, with the state reached as ErrorResourceInitFailed."""
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    if isinstance(error, Incomplete):
        reached = provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=PropertyValue.marshal_map(properties(error.state)),
            reasons=list(error.reasons),
        )
        # `Pack` of the runtime's own message: importing google.rpc registers the same names twice and crashes.
        status.details.add().Pack(reached)
    return status


class Servicer(ProviderServicer):
    """The library's servicer with our errors."""

    async def _answer(self, context: Any, call: Awaitable[T]) -> T:
        try:
            return await call
        except DingliError as error:
            await context.abort_with_status(_Status(str(error), failed_status(error)))
            raise

    async def Check(self, request: proto.CheckRequest, context: Any) -> proto.CheckResponse:
        return await self._answer(context, super().Check(request, context))

    async def Diff(self, request: proto.DiffRequest, context: Any) -> proto.DiffResponse:
        return await self._answer(context, super().Diff(request, context))

    async def Create(self, request: proto.CreateRequest, context: Any) -> proto.CreateResponse:
        return await self._answer(context, super().Create(request, context))  # type: ignore[no-untyped-call]

    async def Update(self, request: proto.UpdateRequest, context: Any) -> proto.UpdateResponse:
        return await self._answer(context, super().Update(request, context))  # type: ignore[no-untyped-call]

    async def Read(self, request: proto.ReadRequest, context: Any) -> proto.ReadResponse:
        return await self._answer(context, super().Read(request, context))  # type: ignore[no-untyped-call]

    async def Delete(self, request: proto.DeleteRequest, context: Any) -> empty_pb2.Empty:
        return await self._answer(context, super().Delete(request, context))  # type: ignore[no-untyped-call]
