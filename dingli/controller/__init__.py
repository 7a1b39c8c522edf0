"""What a controller needs to be replaced: an encrypted export of all that it knows, copies of it at other sites."""

from dingli.controller.exceptions import (
    Altered,
    Conflict,
    ControllerError,
    NotAnExport,
    Truncated,
    WrongKey,
)

__all__ = ["Altered", "Conflict", "ControllerError", "NotAnExport", "Truncated", "WrongKey"]
