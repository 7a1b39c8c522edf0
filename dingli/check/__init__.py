"""What usually goes wrong with machines, looked at before anything is changed on them."""

from dingli.check.finding import Finding, Report, State
from dingli.check.run import examine

__all__ = ["Finding", "Report", "State", "examine"]
