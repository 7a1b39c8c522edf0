"""The export's file: two lines that anybody may read, then what only the recovery key opens. See docs/decisions."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from dingli.controller.exceptions import Altered, NotAnExport, Truncated, WrongKey
from dingli.controller.recovery import Maker, RecoveryKey

__all__ = ["Header", "Sealed", "parse", "seal"]

_MAGIC = b"dingli-controller-export "
_FORMAT = b"1\n"
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_SEAL_BYTES = 32 + 16  # the sender's key of the moment, and the tag
_SIGNATURE_BYTES = 64
_LONGEST_HEADER = 4096
_AGAIN = "take another copy: see `dingli controller list`"


class Header(BaseModel):
    """What anybody may read. It is authenticated with the rest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    environment: str
    made: str
    by: str
    recipient: str
    size: int


class _Contents(BaseModel):
    model_config = ConfigDict(extra="forbid")

    files: dict[str, Base64Bytes]


@dataclass(frozen=True)
class Sealed:
    """An export whose outside is in order."""

    header: Header
    head: bytes
    body: bytes

    def open(self, key: RecoveryKey) -> dict[str, bytes]:
        """Its files. Raises WrongKey, or Altered: nothing is given out that the maker did not sign."""
        if key.recipient != self.header.recipient:
            raise WrongKey(
                f"the recovery key {key.recipient} of {key.environment}",
                f"key {self.header.recipient}, to which this export of {self.header.environment} was sealed",
                "name the file of that key: --key FILE",
            )
        try:
            plain = _SUITE.decrypt(self.body, key.opens, info=self.head)
        except (InvalidTag, ValueError):
            raise Altered("the export was altered or damaged after it was made", "what was sealed", _AGAIN) from None
        signature, packed = plain[:_SIGNATURE_BYTES], plain[_SIGNATURE_BYTES:]
        try:
            key.signer.verify(signature, self.head + packed)
        except InvalidSignature:
            raise Altered(
                f"the export was sealed to key {key.recipient}, but not by the controller that it belongs to",
                "the signature of that controller",
                f"find out who put it there; {_AGAIN}",
            ) from None
        return dict(_Contents.model_validate_json(zlib.decompress(packed)).files)


def seal(files: Mapping[str, bytes], environment: str, made: str, by: str, maker: Maker) -> bytes:
    """The export of `files`. Anybody can make one; only the recovery key opens it, and it knows the maker."""
    packed = zlib.compress(_Contents.model_construct(files=dict(files)).model_dump_json().encode())
    size = len(packed) + _SIGNATURE_BYTES + _SEAL_BYTES
    header = Header(environment=environment, made=made, by=by, recipient=maker.recipient, size=size)
    head = _MAGIC + _FORMAT + header.model_dump_json().encode() + b"\n"
    signature = maker.signs.sign(head + packed)
    body = _SUITE.encrypt(signature + packed, maker.seals, info=head)
    assert len(body) == size
    return head + body


def parse(data: bytes) -> Sealed:
    """Look at an export's outside. Raises NotAnExport, Truncated or Altered; needs no key."""
    if not data.startswith(_MAGIC):
        if data and _MAGIC.startswith(data):
            raise Truncated(f"the file ends after {len(data)} bytes", "a whole export", _AGAIN)
        raise NotAnExport("a file that is no controller's export", "one that `dingli controller export` made")
    first, newline, rest = data.partition(b"\n")
    if not newline and len(data) < _LONGEST_HEADER:
        raise Truncated("the file ends in its first line", "a whole export", _AGAIN)
    if first + newline != _MAGIC + _FORMAT:
        found = first[len(_MAGIC) : 80].decode(errors="replace")
        raise NotAnExport(f"an export of format {found!r}", "format 1", "use the Dingli that made it, or a newer one")
    line, newline, body = rest.partition(b"\n")
    if not newline and len(rest) < _LONGEST_HEADER:
        raise Truncated("the file ends in its header", "a whole export", _AGAIN)
    header = _header(line)
    if len(body) < header.size:
        raise Truncated(f"{header.size - len(body)} of {header.size} bytes are missing", "a whole export", _AGAIN)
    if len(body) > header.size:
        raise Altered(f"{len(body) - header.size} bytes follow the export's end", "nothing after it", _AGAIN)
    return Sealed(header, first + b"\n" + line + b"\n", body)


def _header(line: bytes) -> Header:
    try:
        header = Header.model_validate(json.loads(line))
    except (ValueError, ValidationError, RecursionError):
        raise Altered("a header that cannot be read", "what the controller wrote there", _AGAIN) from None
    if header.size < 0:
        raise Altered(f"a header with the size {header.size}", "a size", _AGAIN)
    return header
