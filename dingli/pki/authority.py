"""The root, the environment's intermediate, and signing what hosts request."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dingli.pki.exceptions import PkiError
from dingli.pki.places import Places
from dingli.pki.request import CertificateRequest, Usage
from dingli.whole_file import write_private

__all__ = ["LEAF_LIFE", "RENEW_UNDER", "Authority", "initialise", "open_authority", "sign"]

ROOT_LIFE = timedelta(days=3650)
INTERMEDIATE_LIFE = timedelta(days=1095)
LEAF_LIFE = timedelta(days=90)
RENEW_UNDER = timedelta(days=30)
# Hosts' clocks differ a little from the controller's; a certificate must not be "not yet valid" on the next host.
_BACKDATED = timedelta(minutes=10)

_OIDS = {Usage.SERVER: ExtendedKeyUsageOID.SERVER_AUTH, Usage.CLIENT: ExtendedKeyUsageOID.CLIENT_AUTH}


@dataclass(frozen=True)
class Authority:
    """The environment's intermediate, ready to sign, and the root that hosts trust."""

    root: x509.Certificate
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def ca_pem(self) -> str:
        """The only certificate that hosts trust."""
        return _pem(self.root)


def initialise(places: Places, passphrase_file: Path | None = None) -> bool:
    """Make what is missing: the root (once), the intermediate. Returns whether anything was made.

    `passphrase_file` protects the root key; without one, a passphrase is made beside it, which is fit for a lab only.
    """
    passphrase = passphrase_file or places.root_passphrase
    if all(path.exists() for path in (places.ca, places.intermediate_certificate, places.intermediate_key)):
        return False  # a controller that took over from another has no root key, and needs none
    made = False
    if not places.root_key.exists():
        _make_root(places, passphrase)
        made = True
    if not places.intermediate_key.exists() or not places.intermediate_certificate.exists():
        _make_intermediate(places, passphrase)
        made = True
    return made


def open_authority(places: Places) -> Authority:
    """The environment's intermediate; raises PkiError if it was not made, has expired, or is not the root's."""
    missing = [
        path for path in (places.ca, places.intermediate_certificate, places.intermediate_key) if not path.exists()
    ]
    if missing:
        raise PkiError(
            f"{places.environment} has no certificate authority: {missing[0]} is missing",
            remedy=f"dingli pki init {places.environment}",
        )
    root = _load_certificate(places.ca)
    certificate = _load_certificate(places.intermediate_certificate)
    key = _load_key(places.intermediate_key, places.intermediate_passphrase)
    certificate.verify_directly_issued_by(root)
    if certificate.not_valid_after_utc - datetime.now(UTC) < LEAF_LIFE:
        raise PkiError(
            f"{places.intermediate_certificate} expires {certificate.not_valid_after_utc:%Y-%m-%d}",
            expected="an intermediate that outlives what it signs today",
            remedy=f"remove it and run: dingli pki init {places.environment}",
        )
    return Authority(root, certificate, key)


def sign(authority: Authority, wanted: CertificateRequest, csr_pem: str, life: timedelta = LEAF_LIFE) -> str:
    """The chain (certificate, intermediate) for the key of `csr_pem`, as PEM.

    Name, alternative names and usages come from `wanted`: a host that asks for more than was declared does not get it.
    """
    csr = x509.load_pem_x509_csr(csr_pem.encode())
    if not csr.is_signature_valid:
        raise PkiError(f"the request for {wanted.name} is not signed by its own key", remedy="run again")
    key = csr.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise PkiError(
            f"the request for {wanted.name} carries a {type(key).__name__}", expected="an elliptic-curve key"
        )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(_name(wanted.cn))
        .issuer_name(authority.certificate.subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([_OIDS[usage] for usage in wanted.usages]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )
    if wanted.sans:
        # Without a subject, RFC 5280 (4.2.1.6) wants the alternative names to be critical.
        certificate = certificate.add_extension(
            x509.SubjectAlternativeName([_alternative(san) for san in wanted.sans]), critical=not wanted.cn
        )
    return _pem(certificate.sign(authority.key, hashes.SHA256())) + _pem(authority.certificate)


def _make_root(places: Places, passphrase_file: Path) -> None:
    if not passphrase_file.exists():
        write_private(passphrase_file, secrets.token_urlsafe(32))
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"dingli {places.environment} root")
    certificate = _ca_certificate(name, name, key.public_key(), key, ROOT_LIFE, path_length=1)
    _store(places.root_certificate, certificate)
    _write_key(places.root_key, key, passphrase_file)


def _make_intermediate(places: Places, passphrase_file: Path) -> None:
    root = _load_certificate(places.root_certificate)
    root_key = _load_key(places.root_key, passphrase_file)
    if not places.intermediate_passphrase.exists():
        write_private(places.intermediate_passphrase, secrets.token_urlsafe(32))
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"dingli {places.environment} intermediate {datetime.now(UTC):%Y%m%d}")
    certificate = _ca_certificate(name, root.subject, key.public_key(), root_key, INTERMEDIATE_LIFE, path_length=0)
    _store(places.ca, root)
    _store(places.intermediate_certificate, certificate)
    _write_key(places.intermediate_key, key, places.intermediate_passphrase)


def _ca_certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signing: ec.EllipticCurvePrivateKey,
    life: timedelta,
    path_length: int,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    return builder.sign(signing, hashes.SHA256())


def _key_usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)] if common_name else [])


def _alternative(san: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(san))
    except ValueError:
        return x509.DNSName(san)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _store(path: Path, certificate: x509.Certificate) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(_pem(certificate))


def _load_certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey, passphrase_file: Path) -> None:
    encryption = serialization.BestAvailableEncryption(passphrase_file.read_bytes().strip())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    write_private(path, pem.decode())


def _load_key(path: Path, passphrase_file: Path) -> ec.EllipticCurvePrivateKey:
    if not passphrase_file.exists():
        raise PkiError(f"{path} is encrypted and {passphrase_file} is missing", remedy="name its passphrase file")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise PkiError(f"{path} is open to others (mode {mode:04o})", expected="mode 0600", remedy=f"chmod 600 {path}")
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase_file.read_bytes().strip())
    except ValueError as error:
        raise PkiError(f"{path} does not open with the passphrase in {passphrase_file}: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{path} holds a {type(key).__name__}", expected="an elliptic-curve key")
    return key
