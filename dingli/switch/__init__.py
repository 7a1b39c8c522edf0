"""Planned switches of a cell, and takeover by hand: judged before, measured afterwards, recorded as evidence.

`decide` is a pure function of the request and a picture (dingli.status); `perform` does what it allowed.
"""

from dingli.switch.decision import Action, Decision, Request, decide
from dingli.switch.history import last_measured
from dingli.switch.locks import why_busy
from dingli.switch.perform import Outcome, perform
from dingli.switch.preview import as_lines

__all__ = [
    "Action",
    "Decision",
    "Outcome",
    "Request",
    "as_lines",
    "decide",
    "last_measured",
    "perform",
    "why_busy",
]
