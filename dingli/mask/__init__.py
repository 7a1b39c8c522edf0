"""A copy of a part of the journal for test environments: the same trading, nobody's names (docs/mask.md)."""

from dingli.mask.copying import MaskedCopy, mask
from dingli.mask.exceptions import MaskError
from dingli.mask.names import Names

__all__ = ["MaskError", "MaskedCopy", "Names", "mask"]
