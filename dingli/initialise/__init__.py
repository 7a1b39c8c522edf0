"""Writing a new environment file: from answers to a file that loads without mistakes."""

from dingli.initialise.answers import Answers
from dingli.initialise.write import write

__all__ = ["Answers", "write"]
