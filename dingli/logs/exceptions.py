"""What can go wrong between the controller and the central logs."""

from dingli.exceptions import DingliError

__all__ = ["LogsError"]


class LogsError(DingliError):
    """The host of the logs did not answer as it should."""
