"""The file of waivers of one environment: `audit/waivers/<environment>.yaml`. No file means no waivers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from audit.catalogue import Catalogue
from audit.exceptions import WaiverError


class Waiver(BaseModel):
    """Why an item is expected to fail on an object (or on all, `*`), who answers for it, and until when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    object: str = "*"
    reason: str = Field(min_length=10)
    owner: str = Field(min_length=2)
    until: date

    def covers(self, item: str, name: str) -> bool:
        return self.item == item and self.object in ("*", name)

    def expired(self, today: date) -> bool:
        return today > self.until


_LIST = TypeAdapter(tuple[Waiver, ...])


def load(environment: str, catalogue: Catalogue, folder: Path = Path(__file__).parent) -> tuple[Waiver, ...]:
    """The environment's waivers. Raises WaiverError for a file that is not valid or names an unknown item."""
    file = folder / f"{environment}.yaml"
    if not file.exists():
        return ()
    try:
        waivers = _LIST.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")) or ())
    except (ValidationError, yaml.YAMLError) as error:
        raise WaiverError(
            f"{file}: {error}", "a list of item, object, reason, owner, until", "correct the file"
        ) from error
    known = {item.id for item in catalogue.items}
    for waiver in waivers:
        if waiver.item not in known:
            raise WaiverError(f"{file}: no item {waiver.item} in the catalogue", "an id such as 8.1.4.1.d")
    return waivers
