"""The cloud's certificate, of a CA that the lab keeps until it is reset."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["ca_file", "make"]

_LIFE = timedelta(days=3650)
_BACKDATED = timedelta(minutes=10)


def ca_file(folder: Path) -> Path:
    return folder / "ca.pem"


def make(folder: Path, address: str) -> Path:
    """Key and certificate for `address` in one file, made anew; the CA once."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority_key = folder / "ca.key"
    if not (authority_key.is_file() and ca_file(folder).is_file()):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate("CA of the lab's cloud", key, None)
        _write(authority_key, _pem(key))
        _write(ca_file(folder), certificate.public_bytes(serialization.Encoding.PEM), 0o644)
    signer = serialization.load_pem_private_key(authority_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    authority = x509.load_pem_x509_certificate(ca_file(folder).read_bytes())
    own = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(address, own, (signer, authority))
    chain = folder / "server.pem"
    _write(chain, _pem(own) + certificate.public_bytes(serialization.Encoding.PEM))
    return chain


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, signer: tuple[ec.EllipticCurvePrivateKey, x509.Certificate] | None
) -> x509.Certificate:
    """Self-signed without a signer; else for a server, whose name is its address."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing, issuer = signer or (key, None)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    if issuer:
        names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address(name))])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(signing, hashes.SHA256())


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Whole or not at all, and never readable to more than `mode` says."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "wb") as out:
        out.write(data)
    draft.replace(path)
