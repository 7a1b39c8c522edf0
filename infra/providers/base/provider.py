"""The provider: hands the engine's calls to resource types, in threads of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import pulumi.provider.experimental.provider as engine
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2_grpc

from infra.providers.base.cancellation import Cancellation
from infra.providers.base.engine_log import EngineLog
from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context, Difference, Properties, ResourceType
from infra.providers.base.values import from_engine, properties

__all__ = ["LocalProvider"]

_BLOCKING_CALLS = 64  # asyncio's own pool has six threads on two cores: a few slow hosts would block all others

T = TypeVar("T")


def _plain(values: dict[str, PropertyValue]) -> Properties:
    return {key: from_engine(value) for key, value in values.items()}


class LocalProvider(engine.Provider):
    """A package of resource types."""

    def __init__(
        self, name: str, types: Sequence[ResourceType], stub: engine_pb2_grpc.EngineStub, cancellation: Cancellation
    ) -> None:
        self._name = name
        self._types = {kind.token: kind for kind in types}
        self._stub = stub
        self._cancellation = cancellation
        self._executor = ThreadPoolExecutor(_BLOCKING_CALLS, thread_name_prefix=name)

    def _type(self, qualified: str) -> ResourceType:
        token = qualified.rpartition("$")[2]  # what precedes are the components around it
        if token not in self._types:
            raise ProviderError(f"the type {token}", f"one of {', '.join(self._types)}", "correct the program")
        return self._types[token]

    def _context(self, urn: str, preview: bool = False) -> Context:
        return Context(urn, EngineLog(self._stub, urn), self._cancellation, preview)

    async def _blocking(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(call, *arguments))

    async def configure(self, request: engine.ConfigureRequest) -> engine.ConfigureResponse:
        # Secrets: without accept_secrets the engine hands them over in clear and marks the outputs of the same name.
        return engine.ConfigureResponse(
            accept_secrets=False, supports_preview=True, accept_resources=False, accept_outputs=False
        )

    async def get_schema(self, request: engine.GetSchemaRequest) -> engine.GetSchemaResponse:
        resources = {
            token: {
                "inputProperties": dict(kind.inputs),
                "requiredInputs": list(kind.required),
                "properties": {**kind.inputs, **kind.outputs},
                "required": list(kind.required),
            }
            for token, kind in self._types.items()
        }
        return engine.GetSchemaResponse(json.dumps({"name": self._name, "version": "1.0.0", "resources": resources}))

    async def check(self, request: engine.CheckRequest) -> engine.CheckResponse:
        kind = self._type(request.type)
        news = _plain(request.new_inputs)
        failures = [engine.CheckFailure(item, "is missing") for item in kind.required if item not in news]
        failures += [engine.CheckFailure(item, "is not an input") for item in news if item not in kind.inputs]
        if not failures:
            failures = [engine.CheckFailure(found.property, found.reason) for found in kind.check(news)]
        return engine.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: engine.DiffRequest) -> engine.DiffResponse:
        kind = self._type(request.type)
        state, news = _plain(request.old_state), _plain(request.new_inputs)
        found = await self._blocking(kind.diff, self._context(request.urn), state, news)
        return _diff_response(found, state, news)

    async def create(self, request: engine.CreateRequest) -> engine.CreateResponse:
        kind = self._type(request.type)
        context = self._context(request.urn, request.preview)
        resource_id, state = await self._blocking(kind.create, context, _plain(request.properties))
        return engine.CreateResponse(resource_id, properties(state))

    async def update(self, request: engine.UpdateRequest) -> engine.UpdateResponse:
        kind = self._type(request.type)
        context = self._context(request.urn, request.preview)
        arguments = (context, request.resource_id, _plain(request.olds), _plain(request.news))
        return engine.UpdateResponse(properties(await self._blocking(kind.update, *arguments)))

    async def read(self, request: engine.ReadRequest) -> engine.ReadResponse:
        kind = self._type(request.type)
        arguments = (request.resource_id, _plain(request.properties), _plain(request.inputs))
        found = await self._blocking(kind.read, self._context(request.urn), *arguments)
        return engine.ReadResponse(found.resource_id, properties(found.state), properties(found.inputs))

    async def delete(self, request: engine.DeleteRequest) -> None:
        kind = self._type(request.type)
        context = self._context(request.urn)
        await self._blocking(kind.delete, context, request.resource_id, _plain(request.properties))

    async def cancel(self) -> None:
        await self._blocking(self._cancellation.request)


def _diff_response(found: Difference, state: Properties, news: Properties) -> engine.DiffResponse:
    kinds = engine.PropertyDiffKind
    detailed = {}
    for name in found.changed:
        replaced = name in found.replaced
        if name in news and name not in state:
            kind = kinds.ADD_REPLACE if replaced else kinds.ADD
        elif name in state and name not in news and name not in ("drift", "applied"):
            kind = kinds.DELETE_REPLACE if replaced else kinds.DELETE
        else:
            kind = kinds.UPDATE_REPLACE if replaced else kinds.UPDATE
        detailed[name] = engine.PropertyDiff(kind, input_diff=name in news)
    return engine.DiffResponse(
        changes=bool(found.changed),
        replaces=list(found.replaced),
        delete_before_replace=found.delete_before_replace,
        diffs=list(found.changed),
        detailed_diff=detailed,
    )
