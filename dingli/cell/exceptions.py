"""What can go wrong when a cell is asked."""

from dingli.exceptions import DingliError


class CellError(DingliError):
    """No host could speak for the cell, or what was waited for did not come about."""
