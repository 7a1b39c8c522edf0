"""A running cell, seen from the controller: asked over SSH, without the engine or credentials of the journal."""

from dingli.cell.exceptions import CellError
from dingli.cell.switch import hand_over
from dingli.cell.view import HashState, Member, View, observe, wait_until

__all__ = ["CellError", "HashState", "Member", "View", "hand_over", "observe", "wait_until"]
