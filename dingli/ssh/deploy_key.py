"""The key of the deploy account: made on the controller when the first host of an environment is adopted."""

from __future__ import annotations

import fcntl
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from dingli.whole_file import write_private

__all__ = ["make_deploy_key"]


def make_deploy_key(path: Path) -> str:
    """The public line of the key at `path`, which is made if there is none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with path.with_name(path.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        public = path.with_name(path.name + ".pub")
        if not path.exists() or not public.exists():
            _write(path, public)
        return public.read_text().strip()


def _write(path: Path, public: Path) -> None:
    key = Ed25519PrivateKey.generate()
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    public.write_text(f"{line} dingli-deploy\n")
    write_private(path, key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
