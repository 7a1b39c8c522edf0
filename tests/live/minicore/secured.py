"""An authority and certificates, and a journal with TLS and users."""

from __future__ import annotations

import ipaddress
import subprocess
from pathlib import Path

from dingli_minicore import etcd as e
from dingli_minicore.config import EtcdAccess, Tls

from tests.live.minicore.rig import KEYS

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, *names: str) -> Path:
    """An authority in `folder`, and a certificate for loopback with each of `names` as CN (`nobody`: without one)."""
    subject = ("-subj", "/CN=test authority", "-days", "1")
    _openssl(folder, "req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.crt", *subject)
    (folder / "san").write_text(f"subjectAltName=IP:{ipaddress.IPv4Address('127.0.0.1')}\n")
    for name in names:
        cn = "/" if name == "nobody" else f"/CN={name}"
        _openssl(folder, "req", *_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", cn)
        signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "1", "-extfile", "san")
        _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signed)
    return folder


def tls_of(pki: Path, name: str) -> dict[str, str]:
    """The paths of a certificate, as a configuration names them."""
    return {"ca": str(pki / "ca.crt"), "cert": str(pki / f"{name}.crt"), "key": str(pki / f"{name}.key")}


def secure(url: str, pki: Path, password: Path) -> e.Etcd:
    """Turn users on: root, and `minicore-alpha` who may read and write the cell's keys. Root's client."""
    tls = Tls(**tls_of(pki, "nobody"))
    root = e.Etcd(EtcdAccess((url,), tls, "", ""), 30.0)
    word = password.read_text().rstrip("\n")
    span = e.get_range(KEYS.base, KEYS.base[:-1] + "0")["request_range"]
    span.pop("limit")
    for path, body in (
        ("role/add", {"name": "root"}),
        ("role/add", {"name": "cell"}),
        ("role/grant", {"name": "cell", "perm": {"permType": "READWRITE", **span}}),
        ("user/add", {"name": "root", "password": word}),
        ("user/add", {"name": "minicore-alpha", "password": word}),
        ("user/grant", {"user": "root", "role": "root"}),
        ("user/grant", {"user": "minicore-alpha", "role": "cell"}),
        ("auth/enable", {}),
    ):
        root.call(f"/v3/auth/{path.removeprefix('auth/')}", body)
    return e.Etcd(EtcdAccess((url,), tls, "root", str(password)), 30.0)
