"""Writing a new environment file: from answers to a file that loads without mistakes."""

from dingli.initialise.answers import Answers, Driver, Machine, Place
from dingli.initialise.text import as_text
from dingli.initialise.write import checked, write

__all__ = ["Answers", "Driver", "Machine", "Place", "as_text", "checked", "write"]
