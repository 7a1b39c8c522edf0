"""The file of signatures of one environment: `audit/signatures/<environment>.yaml`. No file means none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from audit.exceptions import SignatureFileError


class Signature(BaseModel):
    """Who confirmed that an item does not apply to an object (or to all, `*`), why, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item: str
    object: str = "*"
    reason: str = Field(min_length=10)
    signed_by: str = Field(min_length=2)
    on: date

    def covers(self, item: str, name: str) -> bool:
        return self.item == item and self.object in ("*", name)


_LIST = TypeAdapter(tuple[Signature, ...])


def load(environment: str, folder: Path = Path(__file__).parent) -> tuple[Signature, ...]:
    """The environment's signatures. Raises SignatureFileError for a file that is not valid."""
    file = folder / f"{environment}.yaml"
    if not file.exists():
        return ()
    try:
        return _LIST.validate_python(yaml.safe_load(file.read_text(encoding="utf-8")) or ())
    except (ValidationError, yaml.YAMLError) as error:
        raise SignatureFileError(
            f"{file}: {error}", "a list of item, object, reason, signed_by, on", "correct the file"
        ) from error
