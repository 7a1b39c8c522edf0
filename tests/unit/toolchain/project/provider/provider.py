"""A provider that keeps notes in nothing but the stack's state."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental import server
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN


def _outputs(inputs: Mapping[str, PropertyValue], preview: bool) -> dict[str, PropertyValue]:
    length = UNKNOWN if preview else float(len(str(inputs["text"].value)))
    return {"text": inputs["text"], "length": PropertyValue(length)}


class Notes(api.Provider):
    """`note:index:Note`: text in, length out."""

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        return api.CheckResponse(request.new_inputs, [])

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        changed = request.old_state["text"].value != request.new_inputs["text"].value
        detail = {"text": api.PropertyDiff(api.PropertyDiffKind.UPDATE, True)} if changed else {}
        return api.DiffResponse(changes=changed, diffs=list(detail), detailed_diff=detail)

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        return api.CreateResponse(request.urn.rpartition(":")[2], _outputs(request.properties, request.preview))

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        return api.UpdateResponse(_outputs(request.news, request.preview))

    async def delete(self, request: api.DeleteRequest) -> None:
        pass


server.main(sys.argv[1:], "0.1.0", Notes())
