"""The controller's certificate authority."""

from __future__ import annotations

import ipaddress
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dingli.pki import CertificateRequest, PkiError, Places, Usage, initialise, open_authority, sign, status
from dingli.pki.status import record_issued

WANTED = CertificateRequest("etcd", "etcd", ("10.0.0.1", "node-1"), (Usage.SERVER, Usage.CLIENT))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.of("test", tmp_path / "state", tmp_path / "elsewhere")


def request(common_name: str = "root") -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM).decode()


def test_a_second_init_makes_nothing(places: Places) -> None:
    assert initialise(places)
    before = {path: path.read_bytes() for path in places.root.parent.rglob("*") if path.is_file()}
    assert not initialise(places)
    assert before == {path: path.read_bytes() for path in places.root.parent.rglob("*") if path.is_file()}


def test_keys_are_encrypted_private_and_the_root_key_is_not_in_the_state(places: Places) -> None:
    initialise(places)
    for key in (places.root_key, places.intermediate_key):
        assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()
        assert key.stat().st_mode & 0o077 == 0
    assert not places.root_key.is_relative_to(places.state)


def test_another_state_gets_an_intermediate_of_the_same_root(places: Places, tmp_path: Path) -> None:
    initialise(places)
    second = Places.of("test", tmp_path / "second", places.root)
    initialise(second)
    assert second.ca.read_bytes() == places.ca.read_bytes()
    assert second.intermediate_certificate.read_bytes() != places.intermediate_certificate.read_bytes()


def test_a_signed_certificate_is_what_was_declared_and_not_what_was_asked_for(places: Places) -> None:
    initialise(places)
    authority = open_authority(places)
    chain = x509.load_pem_x509_certificates(sign(authority, WANTED, request("root")).encode())
    leaf = chain[0]
    assert leaf.subject.rfc4514_string() == "CN=etcd"
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address("10.0.0.1")]
    assert names.get_values_for_type(x509.DNSName) == ["node-1"]
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert 89 <= (leaf.not_valid_after_utc - leaf.not_valid_before_utc).days <= 91


def test_the_chain_leads_to_the_root_alone(places: Places) -> None:
    initialise(places)
    authority = open_authority(places)
    leaf, intermediate = x509.load_pem_x509_certificates(sign(authority, WANTED, request()).encode())
    leaf.verify_directly_issued_by(intermediate)
    intermediate.verify_directly_issued_by(authority.root)


def test_without_an_authority_the_error_names_the_command(places: Places) -> None:
    with pytest.raises(PkiError, match="dingli pki init test"):
        open_authority(places)


def test_a_wrong_passphrase_is_said_to_be_one(places: Places, tmp_path: Path) -> None:
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("right")
    initialise(places, passphrase)
    places.intermediate_key.unlink()
    passphrase.write_text("wrong")
    with pytest.raises(PkiError, match=str(passphrase)):
        initialise(places, passphrase)


def test_a_key_that_others_can_read_is_refused(places: Places) -> None:
    initialise(places)
    places.intermediate_key.chmod(0o644)
    with pytest.raises(PkiError, match="chmod 600"):
        open_authority(places)


def test_status_puts_the_nearest_expiry_first(places: Places) -> None:
    initialise(places)
    authority = open_authority(places)
    record_issued(places, "b", "etcd", sign(authority, WANTED, request()))
    record_issued(places, "a", "core", sign(authority, WANTED, request(), timedelta(days=20)))
    assert [(item.host, item.name) for item in status(places).certificates] == [("a", "core"), ("b", "etcd")]


def test_an_unknown_usage_is_named(places: Places) -> None:
    with pytest.raises(PkiError, match="codeSigning"):
        CertificateRequest.from_plain({"name": "x", "cn": "x", "sans": [], "usages": ["codeSigning"]})
