"""The provider: hands the engine's calls to resource types, in threads of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import pulumi.provider.experimental.provider as engine
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import engine_pb2_grpc

from infra.providers.base.cancellation import Cancellation
from infra.providers.base.engine_log import EngineLog
from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Configuration, Context, Difference, Failure, Properties, ResourceType
from infra.providers.base.values import from_engine, properties

__all__ = ["LocalProvider"]

_BLOCKING_CALLS = 64  # asyncio's own pool has six threads on two cores: a few slow hosts would block all others

T = TypeVar("T")


def _plain(values: dict[str, PropertyValue]) -> Properties:
    return {key: from_engine(value) for key, value in values.items()}


class LocalProvider(engine.Provider):
    """A package of resource types."""

    def __init__(
        self,
        name: str,
        types: Sequence[ResourceType],
        stub: engine_pb2_grpc.EngineStub,
        cancellation: Cancellation,
        configuration: Configuration | None = None,
    ) -> None:
        self._name = name
        self._configuration = configuration
        self._types = {kind.token: kind for kind in types}
        self._stub = stub
        self._cancellation = cancellation
        self._executor = ThreadPoolExecutor(_BLOCKING_CALLS, thread_name_prefix=name)

    def _type(self, qualified: str) -> ResourceType:
        token = qualified.rpartition("$")[2]  # what precedes are the components around it
        if token not in self._types:
            raise ProviderError(f"the type {token}", f"one of {', '.join(self._types)}", "correct the program")
        return self._types[token]

    def _context(self, urn: str, preview: bool = False, resource_id: str = "") -> Context:
        return Context(urn, EngineLog(self._stub, urn), self._cancellation, preview, resource_id)

    async def _blocking(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, partial(call, *arguments))

    async def check_config(self, request: engine.CheckRequest) -> engine.CheckResponse:
        if self._configuration is None:
            return engine.CheckResponse(inputs=request.new_inputs)
        values = {key: value for key, value in _plain(request.new_inputs).items() if not key.startswith("__")}
        failures = _failures(self._configuration, values, self._configuration.check(values))
        return engine.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def configure(self, request: engine.ConfigureRequest) -> engine.ConfigureResponse:
        if self._configuration is not None:
            self._configuration.configure(_plain(request.args))
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
        schema: dict[str, Any] = {"name": self._name, "version": "1.0.0", "resources": resources}
        if self._configuration is not None:
            named = dict(self._configuration.inputs)
            schema["config"] = {"variables": named, "defaults": list(self._configuration.required)}
            schema["provider"] = {"inputProperties": named, "requiredInputs": list(self._configuration.required)}
        return engine.GetSchemaResponse(json.dumps(schema))

    async def check(self, request: engine.CheckRequest) -> engine.CheckResponse:
        kind = self._type(request.type)
        news = _plain(request.new_inputs)
        failures = _failures(kind, news, kind.check(news))
        return engine.CheckResponse(inputs=request.new_inputs, failures=failures)

    async def diff(self, request: engine.DiffRequest) -> engine.DiffResponse:
        kind = self._type(request.type)
        state, news = _plain(request.old_state), _plain(request.new_inputs)
        context = self._context(request.urn, resource_id=request.resource_id)
        found = await self._blocking(kind.diff, context, state, news)
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


def _failures(
    declared: ResourceType | Configuration, news: Mapping[str, Any], found: Sequence[Failure]
) -> list[engine.CheckFailure]:
    """All mistakes at once, one for each property."""
    failures = {failure.property: failure for failure in found}
    for item in (*news, *declared.required):
        if item not in news or item not in declared.inputs:
            failures.setdefault(item, Failure(item, "is not an input" if item in news else "is missing"))
    return [
        engine.CheckFailure(one.property, one.reason)
        if one.shown
        else engine.CheckFailure("", f"property {one.property} {one.reason}")
        for one in failures.values()
    ]


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
