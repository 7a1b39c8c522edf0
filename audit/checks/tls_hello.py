"""Asks a TLS server what it would agree to, one ClientHello at a time.

A library negotiates only what it supports itself, so it cannot show that a server refuses SSL 3.0, NULL or RC4. Here
the greeting is put together by hand (RFC 8446 4.1.2, RFC 5246 7.4.1.2) and only the server's first answer is read; no
key is ever agreed.
"""

from __future__ import annotations

import os
import socket
import struct
from dataclasses import dataclass

__all__ = ["SUITES", "TLS13_SUITES", "VERSIONS", "Answer", "greet"]

VERSIONS = {"SSLv3": 0x0300, "TLSv1.0": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
TLS13_SUITES = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
    0x1304: "TLS_AES_128_CCM_SHA256",
    0x1305: "TLS_AES_128_CCM_8_SHA256",
    0x00C6: "TLS_SM4_GCM_SM3",
    0x00C7: "TLS_SM4_CCM_SM3",
}
# Up to TLS 1.2: every kind that servers still offer, strong and weak. Names as registered with IANA, without "TLS_".
SUITES = {
    0x0000: "NULL_WITH_NULL_NULL", 0x0001: "RSA_WITH_NULL_MD5", 0x0002: "RSA_WITH_NULL_SHA",
    0x003B: "RSA_WITH_NULL_SHA256", 0xC006: "ECDHE_ECDSA_WITH_NULL_SHA", 0xC010: "ECDHE_RSA_WITH_NULL_SHA",
    0x0003: "RSA_EXPORT_WITH_RC4_40_MD5", 0x0008: "RSA_EXPORT_WITH_DES40_CBC_SHA",
    0x0004: "RSA_WITH_RC4_128_MD5", 0x0005: "RSA_WITH_RC4_128_SHA", 0xC007: "ECDHE_ECDSA_WITH_RC4_128_SHA",
    0xC011: "ECDHE_RSA_WITH_RC4_128_SHA", 0x0009: "RSA_WITH_DES_CBC_SHA", 0x000A: "RSA_WITH_3DES_EDE_CBC_SHA",
    0x0016: "DHE_RSA_WITH_3DES_EDE_CBC_SHA", 0xC008: "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
    0xC012: "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA", 0x0018: "DH_anon_WITH_RC4_128_MD5",
    0x0034: "DH_anon_WITH_AES_128_CBC_SHA",
    0x006C: "DH_anon_WITH_AES_128_CBC_SHA256", 0x00A6: "DH_anon_WITH_AES_128_GCM_SHA256",
    0xC018: "ECDH_anon_WITH_AES_128_CBC_SHA", 0x0007: "RSA_WITH_IDEA_CBC_SHA", 0x0096: "RSA_WITH_SEED_CBC_SHA",
    0x002F: "RSA_WITH_AES_128_CBC_SHA", 0x0035: "RSA_WITH_AES_256_CBC_SHA", 0x003C: "RSA_WITH_AES_128_CBC_SHA256",
    0x003D: "RSA_WITH_AES_256_CBC_SHA256", 0x009C: "RSA_WITH_AES_128_GCM_SHA256", 0x009D: "RSA_WITH_AES_256_GCM_SHA384",
    0x0033: "DHE_RSA_WITH_AES_128_CBC_SHA", 0x0039: "DHE_RSA_WITH_AES_256_CBC_SHA",
    0x009E: "DHE_RSA_WITH_AES_128_GCM_SHA256", 0x009F: "DHE_RSA_WITH_AES_256_GCM_SHA384",
    0xC009: "ECDHE_ECDSA_WITH_AES_128_CBC_SHA", 0xC00A: "ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    0xC013: "ECDHE_RSA_WITH_AES_128_CBC_SHA", 0xC014: "ECDHE_RSA_WITH_AES_256_CBC_SHA",
    0xC023: "ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", 0xC024: "ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    0xC027: "ECDHE_RSA_WITH_AES_128_CBC_SHA256", 0xC028: "ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    0xC02B: "ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", 0xC02C: "ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    0xC02F: "ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC030: "ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    0xCCA8: "ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA9: "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    0xC0AC: "ECDHE_ECDSA_WITH_AES_128_CCM", 0xC0AD: "ECDHE_ECDSA_WITH_AES_256_CCM",
    0xE011: "ECDHE_SM4_CBC_SM3", 0xE013: "ECC_SM4_CBC_SM3", 0xE051: "ECDHE_SM4_GCM_SM3", 0xE053: "ECC_SM4_GCM_SM3",
}  # fmt: skip

_HANDSHAKE, _ALERT, _SERVER_HELLO, _SUPPORTED_VERSIONS = 22, 21, 2, 43
_GROUPS = (29, 23, 24, 25)
_SIGNATURES = (0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601, 0x0201, 0x0203)


@dataclass(frozen=True)
class Answer:
    """A ServerHello with its version and suite, or else what came in its place (`alert 70`, `closed`)."""

    version: int = 0
    suite: int = 0
    refusal: str = ""


def greet(address: tuple[str, int], version: int, suites: tuple[int, ...], timeout_s: float) -> Answer:
    """The server's answer to one offer. Raises OSError if the server cannot be reached or is silent."""
    with socket.create_connection(address, timeout_s) as connection:
        connection.sendall(client_hello(version, suites))
        try:
            return read_answer(connection)
        except ConnectionResetError:
            return Answer(refusal="reset")


def client_hello(version: int, suites: tuple[int, ...]) -> bytes:
    """A ClientHello in its record. TLS 1.3 is asked for in an extension; the old fields say 1.2."""
    modern = version >= VERSIONS["TLSv1.3"]
    legacy = min(version, VERSIONS["TLSv1.2"])
    body = struct.pack("!H", legacy) + os.urandom(32) + b"\x20" + os.urandom(32)
    body += _counted(b"".join(struct.pack("!H", suite) for suite in suites), 2) + b"\x01\x00"
    if version > VERSIONS["SSLv3"]:
        body += _counted(_extensions(modern), 2)
    message = b"\x01" + _counted(body, 3)
    return struct.pack("!BH", _HANDSHAKE, min(version, VERSIONS["TLSv1.0"])) + _counted(message, 2)


def _extensions(modern: bool) -> bytes:
    groups = b"".join(struct.pack("!H", group) for group in _GROUPS)
    signatures = b"".join(struct.pack("!H", one) for one in _SIGNATURES)
    found = _extension(10, _counted(groups, 2)) + _extension(11, b"\x01\x00") + _extension(13, _counted(signatures, 2))
    if modern:
        share = struct.pack("!H", 29) + _counted(os.urandom(32), 2)
        found += _extension(_SUPPORTED_VERSIONS, b"\x02\x03\x04") + _extension(51, _counted(share, 2))
    return found


def _extension(number: int, body: bytes) -> bytes:
    return struct.pack("!H", number) + _counted(body, 2)


def _counted(body: bytes, width: int) -> bytes:
    return len(body).to_bytes(width) + body


def read_answer(connection: socket.socket) -> Answer:
    """The first record that the server sends. A hello that asks to try again (RFC 8446 4.1.4) agrees just as well."""
    head = _exactly(connection, 5)
    if len(head) < 5:
        return Answer(refusal="closed")
    kind, _, length = struct.unpack("!BHH", head)
    body = _exactly(connection, length)
    if kind == _ALERT and len(body) == 2:
        return Answer(refusal=f"alert {body[1]}")
    if kind != _HANDSHAKE or len(body) < length or length < 40 or body[0] != _SERVER_HELLO:
        return Answer(refusal=f"no TLS: {(head + body)[:20]!r}")
    version = int.from_bytes(body[4:6])
    session_end = 39 + body[38]
    suite = int.from_bytes(body[session_end : session_end + 2])
    return Answer(_selected(body[session_end + 3 :]) or version, suite)


def _selected(extensions: bytes) -> int:
    """The version that a TLS 1.3 server selected, or 0."""
    position = 2
    while position + 4 <= len(extensions):
        number, length = struct.unpack("!HH", extensions[position : position + 4])
        if number == _SUPPORTED_VERSIONS and length == 2:
            return int.from_bytes(extensions[position + 4 : position + 6])
        position += 4 + length
    return 0


def _exactly(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length and (more := connection.recv(length - len(found))):
        found += more
    return found
