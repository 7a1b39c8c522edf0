"""What the program registers for a stack, as the state that an engine would have after a faultless `up`: no engine, no
provider and no machine is needed. Machines are invented; what a Deployment would have applied is summed as its provider
sums it, so a preview over the state compares what it always compares.

`python -m infra.recorded STACK > state.json`, then `pulumi stack import --file state.json -s STACK`.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import sys
import threading
import uuid
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks
from pulumi.runtime.stack import wait_for_rpcs

from dingli.bench.generated import machine_id
from infra.providers.deployment.digest import desired

__all__ = ["recorded_state"]

_PROJECT = "dingli"


class _Machines(mocks.Mocks):
    """Outputs of resources on machines that are as they are declared."""

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        return {}, None

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = args.inputs
        if args.typ == "rack:index:Host":
            return f"{inputs['environment']}/{inputs['host']}", {**inputs, **_adopted(inputs)}
        if args.typ == "deployment:index:Deployment":
            return f"{inputs['environment']}/{inputs['site']}/{args.name}", {**inputs, **_applied(inputs)}
        return "", {}


def _adopted(inputs: dict[str, Any]) -> dict[str, Any]:
    machine, key = machine_id(inputs["host"]), inputs["host_key_sha256"]
    facts = {"arch": inputs["arch"], "os": inputs["os"], "cores": 8, "memory_mib": 32768, "python_version": "3.13.5"}
    seen = {"adopted_key": key, "seen_host_key": key, "seen_machine_id": machine, "reachable": True, "drift": []}
    return {"machine_id": machine, "facts": facts, **seen}


def _applied(inputs: dict[str, Any]) -> dict[str, Any]:
    done = {name: {"done": True, "changed": 0} for name in inputs["hosts"]}
    return {"applied": desired(inputs), "results": done, "drift": {}, "reachable": dict.fromkeys(done, True)}


class _Recorder(mocks.MockMonitor):
    """The engine's side of the program: writes down every resource as state."""

    def __init__(self, stack: str) -> None:
        super().__init__(_Machines())
        self._stack = stack
        self.states: list[dict[str, Any]] = []
        self._providers: dict[str, str] = {}
        self._lock = threading.Lock()  # the program registers from several threads

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: the types of all resources around it, but for the stack's."""
        around = parent.split("::")[2] if parent else "pulumi:pulumi:Stack"
        kind = type_ if around == "pulumi:pulumi:Stack" else f"{around}${type_}"
        return f"urn:pulumi:{self._stack}::{_PROJECT}::{kind}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        with self._lock:
            return self._registered(request, super().RegisterResource(request))  # type: ignore[no-untyped-call]

    def _registered(self, request: Any, response: Any) -> Any:
        state: dict[str, Any] = {"urn": response.urn, "custom": request.custom, "type": request.type}
        if request.parent:
            state["parent"] = request.parent
        if request.custom:
            inputs = pulumi.runtime.rpc.deserialize_properties(request.object)
            state |= {"id": response.id, "inputs": inputs, "outputs": self.resources[response.urn].state}
            state["provider"] = self._provider(request.type.split(":")[0])
            state["dependencies"] = list(request.dependencies)
            state["propertyDependencies"] = {
                name: list(one.urns) for name, one in request.propertyDependencies.items() if name in inputs
            }
        self.states.append(state)
        return response

    def _provider(self, package: str) -> str:
        """The default provider of a package, which the engine makes by itself."""
        if package not in self._providers:
            kind = f"pulumi:providers:{package}"
            urn, own_id = f"urn:pulumi:{self._stack}::{_PROJECT}::{kind}::default", str(uuid.uuid4())
            self.states.append({"urn": urn, "custom": True, "id": own_id, "type": kind})
            self._providers[package] = f"{urn}::{own_id}"
        return self._providers[package]


def recorded_state(stack: str) -> dict[str, Any]:
    """The state of `stack`, as `pulumi stack import` takes it."""
    recorder = _Recorder(stack)

    async def run() -> None:
        mocks.set_mocks(recorder.mocks, _PROJECT, stack, preview=False, monitor=recorder)
        runpy.run_path(str(Path(__file__).with_name("__main__.py")), run_name="__main__")
        await wait_for_rpcs()

    asyncio.run(run())
    return {"version": 3, "deployment": {"manifest": {}, "resources": recorder.states}}


if __name__ == "__main__":
    json.dump(recorded_state(sys.argv[1]), sys.stdout)
