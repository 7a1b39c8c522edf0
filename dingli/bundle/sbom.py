"""Bills of materials, CycloneDX in JSON: the same bytes for the same parts."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6

from dingli.bundle.parts import Part

__all__ = ["document", "sbom"]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "dingli-bundle")
_PATH = "dingli:path"


def sbom(version: str, commit: str, when: datetime, parts: Iterable[Part]) -> str:
    """`when` is the commit's time. A part's path in the bundle is its property `dingli:path`."""
    listed = list(parts)
    names = "\n".join(f"{part.purl.to_string()} {part.path} {part.sha256}" for part in _sorted(listed))
    itself = Component(
        type=ComponentType.APPLICATION, name="dingli", version=f"{version}+{commit[:12]}", bom_ref="dingli"
    )
    return document(itself, uuid.uuid5(_NAMESPACE, f"{version} {commit}\n{names}"), when, listed)


def document(itself: Component, serial_number: uuid.UUID, when: datetime, parts: Iterable[Part]) -> str:
    """A bill of the parts of `itself`."""
    bom = Bom(
        serial_number=serial_number,
        metadata=BomMetaData(component=itself, timestamp=when),
        components=[_component(part) for part in _sorted(parts)],
    )
    bom.register_dependency(itself, bom.components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def _sorted(parts: Iterable[Part]) -> list[Part]:
    return sorted(set(parts), key=lambda part: (part.purl.to_string(), part.path))


def _component(part: Part) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        purl=part.purl,
        bom_ref=f"{part.path} {part.purl.to_string()}".strip(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else [],
        properties=[Property(name=_PATH, value=part.path)] if part.path else [],
    )
