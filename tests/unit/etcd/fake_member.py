"""A member of etcd that answers as a test scripts it: real gRPC on loopback, with a memory instead of a journal."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import grpc.aio
from dingli_etcd import etcd_pb2 as pb

__all__ = ["FakeMember"]


class FakeMember:
    """`answers` are taken first: a status code to fail with, or seconds to keep the caller waiting."""

    def __init__(self, content: Mapping[bytes, bytes] | None = None) -> None:
        self.content = dict(content or {})
        self.calls: list[str] = []
        self.answers: deque[grpc.StatusCode | float] = deque()
        self.watch_responses: list[pb.WatchResponse] = []
        self.watch_starts: list[int] = []
        self.limits: list[int] = []
        """How many entries each answered range asked for."""
        self.revoked: list[int] = []
        self.lease = 7
        """What every key is under."""
        self.watched = asyncio.Event()
        """A watch has been told all of `watch_responses`."""
        self.watch_stays_open = False
        self.url = ""
        self._server = grpc.aio.server()

    async def __aenter__(self) -> "FakeMember":
        for service, methods in self._methods().items():
            handler = grpc.method_handlers_generic_handler(f"etcdserverpb.{service}", methods)
            self._server.add_generic_rpc_handlers((handler,))
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        await self._server.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop(grace=0)

    def _methods(self) -> "dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]]":
        unary, stream = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
        return {
            "KV": {
                "Range": unary(self._range, pb.RangeRequest.FromString, pb.RangeResponse.SerializeToString),
                "Txn": unary(self._txn, pb.TxnRequest.FromString, pb.TxnResponse.SerializeToString),
            },
            "Watch": {"Watch": stream(self._watch, pb.WatchRequest.FromString, pb.WatchResponse.SerializeToString)},
            "Lease": {
                "LeaseRevoke": unary(
                    self._revoke, pb.LeaseRevokeRequest.FromString, pb.LeaseRevokeResponse.SerializeToString
                ),
                "LeaseKeepAlive": stream(
                    self._keep_alive, pb.LeaseKeepAliveRequest.FromString, pb.LeaseKeepAliveResponse.SerializeToString
                ),
            },
        }

    async def _range(self, request: pb.RangeRequest, context: "grpc.aio.ServicerContext[Any, Any]") -> pb.RangeResponse:
        await self._scripted("Range", context)
        self.limits.append(request.limit)
        return self._found(request)

    async def _txn(self, request: pb.TxnRequest, context: "grpc.aio.ServicerContext[Any, Any]") -> pb.TxnResponse:
        await self._scripted("Txn", context)
        responses = [
            pb.ResponseOp(response_range=self._found(operation.request_range)) for operation in request.success
        ]
        return pb.TxnResponse(header=pb.ResponseHeader(revision=1), succeeded=True, responses=responses)

    async def _watch(
        self, requests: AsyncIterator[pb.WatchRequest], _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.WatchResponse]:
        async for request in requests:
            self.watch_starts.append(request.create_request.start_revision)
            yield pb.WatchResponse(header=pb.ResponseHeader(revision=1), created=True)
            for response in self.watch_responses:
                yield response
            self.watched.set()
            if not self.watch_stays_open:
                return

    async def _revoke(
        self, request: pb.LeaseRevokeRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> pb.LeaseRevokeResponse:
        await self._scripted("LeaseRevoke", context)
        self.revoked.append(request.ID)
        return pb.LeaseRevokeResponse()

    async def _keep_alive(
        self, requests: AsyncIterator[pb.LeaseKeepAliveRequest], _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.LeaseKeepAliveResponse]:
        async for request in requests:
            yield pb.LeaseKeepAliveResponse(ID=request.ID, TTL=request.ID)

    async def _scripted(self, call: str, context: "grpc.aio.ServicerContext[Any, Any]") -> None:
        self.calls.append(call)
        answer = self.answers.popleft() if self.answers else None
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "scripted")
        elif answer is not None:
            await asyncio.sleep(answer)

    def _found(self, request: pb.RangeRequest) -> pb.RangeResponse:
        end = request.range_end or request.key + b"\0"
        keys = sorted(key for key in self.content if request.key <= key < end)
        kvs = [
            pb.KeyValue(
                key=key, value=self.content[key], create_revision=1, mod_revision=1, version=1, lease=self.lease
            )
            for key in keys
        ]
        return pb.RangeResponse(header=pb.ResponseHeader(revision=1), kvs=kvs, count=len(kvs))
