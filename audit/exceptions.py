"""Errors of the audit."""

from __future__ import annotations

from dingli.exceptions import CannotTell, InputError


class CatalogueError(InputError):
    """The catalogue contradicts itself."""


class WaiverError(InputError):
    """The file of waivers is not valid."""


class SignatureFileError(InputError):
    """The file of signatures is not valid."""


class EvidenceError(CannotTell):
    """A piece of evidence is missing, cut off, altered, or not what its command prints: an error, never a verdict."""
