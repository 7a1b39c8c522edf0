"""The calls. Each is one attempt at one member under one deadline, but reads, which try the members in turn."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio

from dingli_etcd import etcd_pb2 as pb
from dingli_etcd.endpoints import Endpoint, Endpoints, TlsFiles
from dingli_etcd.exceptions import (
    DefiniteError,
    LeaseNotFoundError,
    OutcomeUnknownError,
    WatchBrokenError,
    WatchCancelledError,
    WatchCompactedError,
)

__all__ = ["Client", "MemberStatus", "TlsFiles"]

# A member that has no etcd leader answers `Unavailable` at once instead of keeping us waiting.
METADATA = (("hasleader", "true"),)
UNKNOWN_CODES = frozenset(
    {
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)


class Message(Protocol):
    def SerializeToString(self) -> bytes: ...  # noqa: N802  (protobuf's name)


Response = TypeVar("Response")


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What one member says of itself. `leader_id` is 0 while there is none."""

    url: str
    member_id: int
    leader_id: int
    applied_index: int


class Client:
    """All members of one etcd cluster. `timeout_s` is the deadline of each call: at most a third of the lease."""

    def __init__(self, endpoints: Sequence[str], tls: TlsFiles | None, timeout_s: float) -> None:
        self._endpoints = Endpoints(endpoints, tls)
        self.timeout_s = timeout_s

    async def close(self) -> None:
        await self._endpoints.close()

    async def range(
        self, key: bytes, end: bytes = b"", *, limit: int = 0, keys_only: bool = False, timeout_s: float | None = None
    ) -> pb.RangeResponse:
        """A linearizable read of one key, or of [key, end), in key order."""
        request = pb.RangeRequest(key=key, range_end=end, limit=limit, keys_only=keys_only)
        return await self._read("KV/Range", request, pb.RangeResponse, timeout_s)

    async def read_txn(self, operations: Sequence[pb.RequestOp]) -> pb.TxnResponse:
        """Several ranges of one revision."""
        return await self._read("KV/Txn", pb.TxnRequest(success=operations), pb.TxnResponse, None)

    async def txn(
        self, compare: Sequence[pb.Compare], success: Sequence[pb.RequestOp], failure: Sequence[pb.RequestOp] = ()
    ) -> pb.TxnResponse:
        """Raises OutcomeUnknownError when there was no definite answer; the next call goes to another member."""
        request = pb.TxnRequest(compare=compare, success=success, failure=failure)
        return await self._once("KV/Txn", request, pb.TxnResponse)

    async def put(self, key: bytes, value: bytes) -> int:
        """The revision of the put."""
        return (await self._once("KV/Put", pb.PutRequest(key=key, value=value), pb.PutResponse)).header.revision

    async def delete(self, key: bytes, end: bytes = b"") -> int:
        """The number of keys deleted."""
        request = pb.DeleteRangeRequest(key=key, range_end=end)
        return (await self._once("KV/DeleteRange", request, pb.DeleteRangeResponse)).deleted

    async def compact(self, revision: int) -> None:
        """Lets go of what was overwritten or deleted up to `revision`; DefiniteError when that was done before."""
        await self._once("KV/Compact", pb.CompactionRequest(revision=revision), pb.CompactionResponse)

    async def lease_grant(self, ttl_s: int) -> int:
        return (await self._once("Lease/LeaseGrant", pb.LeaseGrantRequest(TTL=ttl_s), pb.LeaseGrantResponse)).ID

    async def lease_revoke(self, lease: int) -> None:
        """Safe to repeat; a lease that is gone already raises LeaseNotFoundError."""
        await self._read("Lease/LeaseRevoke", pb.LeaseRevokeRequest(ID=lease), pb.LeaseRevokeResponse, None)

    async def lease_keep_alive(self, lease: int) -> int:
        """One renewal. The time to live in seconds; raises LeaseNotFoundError when the lease is gone."""
        endpoint = self._endpoints.choose()
        call = endpoint.channel.stream_stream(
            "/etcdserverpb.Lease/LeaseKeepAlive",
            request_serializer=pb.LeaseKeepAliveRequest.SerializeToString,
            response_deserializer=pb.LeaseKeepAliveResponse.FromString,
        )(timeout=self.timeout_s, metadata=METADATA)
        try:
            await call.write(pb.LeaseKeepAliveRequest(ID=lease))
            response = await call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError) as error:
            raise self._translate("Lease/LeaseKeepAlive", endpoint, error) from error
        finally:
            call.cancel()
        if not isinstance(response, pb.LeaseKeepAliveResponse):
            self._endpoints.failed(endpoint)
            raise OutcomeUnknownError(f"Lease/LeaseKeepAlive at {endpoint.url}: the stream ended without an answer")
        if response.TTL <= 0:
            raise LeaseNotFoundError("Lease/LeaseKeepAlive", "NOT_FOUND", f"lease {lease:x} has expired or was revoked")
        return response.TTL

    async def member_names(self) -> dict[int, str]:
        """Member names by id."""
        response = await self._read("Cluster/MemberList", pb.MemberListRequest(), pb.MemberListResponse, None)
        return {member.ID: member.name for member in response.members}

    async def statuses(self) -> list[MemberStatus]:
        """Every endpoint's own status; those that do not answer are left out."""
        found = await asyncio.gather(*(self._status(endpoint) for endpoint in self._endpoints.all))
        return [status for status in found if status is not None]

    async def move_leader(self, url: str, target_member_id: int) -> None:
        """`url` must be the endpoint of the present etcd leader."""
        endpoint = next(endpoint for endpoint in self._endpoints.all if endpoint.url == url)
        request = pb.MoveLeaderRequest(targetID=target_member_id)
        await self._call("Maintenance/MoveLeader", request, pb.MoveLeaderResponse, endpoint, self.timeout_s)

    async def watch(self, key: bytes, end: bytes, start_revision: int) -> AsyncIterator[Sequence[pb.Event]]:
        """Events of [key, end) from `start_revision` on. Ends only by raising a WatchBrokenError, or by being closed.

        They come as batches of one revision or more, in order; an empty first one says that the watch stands.
        A watch can lose its events without a word: back it with a periodic range.
        """
        endpoint = self._endpoints.choose()
        call = endpoint.channel.stream_stream(
            "/etcdserverpb.Watch/Watch",
            request_serializer=pb.WatchRequest.SerializeToString,
            response_deserializer=pb.WatchResponse.FromString,
        )(metadata=METADATA)
        create = pb.WatchCreateRequest(key=key, range_end=end, start_revision=start_revision)
        try:
            async with asyncio.timeout(self.timeout_s):
                await call.write(pb.WatchRequest(create_request=create))
                response = await call.read()
            while True:
                yield _events(response)
                response = await call.read()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, TimeoutError) as error:
            self._endpoints.failed(endpoint)
            raise WatchBrokenError(f"watch at {endpoint.url}: {_details(error)}") from error
        finally:
            call.cancel()

    async def _status(self, endpoint: Endpoint) -> MemberStatus | None:
        try:
            response = await self._call(
                "Maintenance/Status", pb.StatusRequest(), pb.StatusResponse, endpoint, self.timeout_s, blame=False
            )
        except (OutcomeUnknownError, DefiniteError):
            return None
        return MemberStatus(endpoint.url, response.header.member_id, response.leader, response.raftAppliedIndex)

    async def _once(self, method: str, request: Message, answer: type[Response]) -> Response:
        return await self._call(method, request, answer, self._endpoints.choose(), self.timeout_s)

    async def _read(self, method: str, request: Message, answer: type[Response], timeout_s: float | None) -> Response:
        """For what may be repeated: each member in turn until one gives a definite answer."""
        unknown: OutcomeUnknownError | None = None
        for _ in self._endpoints.all:
            try:
                return await self._call(method, request, answer, self._endpoints.choose(), timeout_s or self.timeout_s)
            except OutcomeUnknownError as error:
                unknown = error
        raise unknown or OutcomeUnknownError(method)

    async def _call(
        self,
        method: str,
        request: Message,
        answer: type[Response],
        endpoint: Endpoint,
        timeout_s: float,
        blame: bool = True,
    ) -> Response:
        parser: Any = answer
        stub = endpoint.channel.unary_unary(
            f"/etcdserverpb.{method}",
            request_serializer=type(request).SerializeToString,
            response_deserializer=parser.FromString,
        )
        try:
            response: Response = await stub(request, timeout=timeout_s, metadata=METADATA)
        except grpc.aio.AioRpcError as error:
            raise self._translate(method, endpoint, error, blame) from error
        return response

    def _translate(self, method: str, endpoint: Endpoint, error: Exception, blame: bool = True) -> Exception:
        if isinstance(error, grpc.aio.AioRpcError) and error.code() not in UNKNOWN_CODES:
            kind = LeaseNotFoundError if "requested lease not found" in (error.details() or "") else DefiniteError
            return kind(f"{method} at {endpoint.url}", error.code().name, error.details() or "")
        if blame:
            self._endpoints.failed(endpoint)
        return OutcomeUnknownError(f"{method} at {endpoint.url}: {_details(error)}")


def _details(error: Exception) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error) or type(error).__name__


def _events(response: object) -> Sequence[pb.Event]:
    if not isinstance(response, pb.WatchResponse):
        raise WatchBrokenError("the watch's stream ended")
    if response.compact_revision:
        raise WatchCompactedError(response.compact_revision)
    if response.canceled:
        raise WatchCancelledError(f"the server cancelled the watch: {response.cancel_reason or 'no reason given'}")
    return response.events
