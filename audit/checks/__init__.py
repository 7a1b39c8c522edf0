"""Gathering raw evidence. Nothing here judges."""
