"""Signatures: a person confirms that an item does not apply, where a rule of the audit allows that."""

from audit.signatures.model import Signature, load

__all__ = ["Signature", "load"]
