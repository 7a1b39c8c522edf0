"""Certificates and passwords of an environment, made and kept on the controller.

A root key made once, one intermediate per environment that signs what hosts request, and the passwords that programs
use where a certificate cannot speak for them. Private keys of hosts never come here.
"""

from dingli.pki.authority import Authority, initialise, open_authority, sign
from dingli.pki.exceptions import PkiError
from dingli.pki.passwords import PasswordStore
from dingli.pki.places import Places
from dingli.pki.request import CertificateRequest, Usage
from dingli.pki.status import Status, status

__all__ = [
    "Authority",
    "CertificateRequest",
    "PasswordStore",
    "PkiError",
    "Places",
    "Status",
    "Usage",
    "initialise",
    "open_authority",
    "sign",
    "status",
]
