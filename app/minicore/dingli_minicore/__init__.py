"""The minimal core of a cell, written apart from every other program of the protocol."""
