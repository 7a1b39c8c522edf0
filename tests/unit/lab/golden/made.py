"""Small images and what was observed on them, made by hand."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from lab import golden
from lab.golden.recording import write_record
from lab.recipe import Recipe

RECIPE = Recipe(os="debian-13", arch="x86_64", suite="trixie", packages=("sudo",), satisfies=("8.1.4.2.c", "8.1.4.4.a"))
FILES = {"etc/login.defs": b"UMASK 027\n", "usr/bin/sudo": b"\x7fELF"}
INSTALLED = "ii  sudo 1.9.16\nii  libc6 2.41\n"
STARTED = datetime(2026, 11, 21, tzinfo=UTC)
_INDEX = """Package: sudo
Version: 1.9.16
Architecture: amd64
Description: rights
 SHA256: not this one
SHA256: {sudo}

Package: libc6
Version: 2.40
Architecture: amd64
SHA256: {libc6}
"""


def framed(records: Mapping[str, str]) -> bytes:
    """What gather.sh and audit-facts print for commands with these outputs."""
    stream = b""
    for name, output in records.items():
        text = output.encode()
        stream += f"#record {name} 0 1795233194.5 1795233194.75 1 {len(text)} 0\nx\n".encode() + text + b"\n\n"
    return stream + f"#end {len(records)}\n".encode()


def write_archive(file: Path, files: Mapping[str, bytes] = FILES, *, mode: int = 0o755, mtime: int = 0) -> Path:
    with tarfile.open(file, "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode, entry.mtime = len(content), mode, mtime
            tar.addfile(entry, io.BytesIO(content))
    return file


def write_draft(folder: Path, files: Mapping[str, bytes] = FILES, installed: str = INSTALLED) -> Path:
    """What the hooks of a recipe leave behind."""
    write_archive(folder / golden.ARCHIVE, files)
    accounts = "root:x:0:0:root:/root:/bin/bash\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
    states = "root L 2026-11-21 0 99999 7 -1\nsshd L 2026-11-21 -1 -1 -1 -1\n"
    (folder / "gathered").write_bytes(framed({"accounts": accounts, "login-defs": "UMASK 027\nPASS_MAX_DAYS 90\n"}))
    facts = {"password-states": states, "packages": installed, "os-release": 'ID=debian\nVERSION_ID="13"\n'}
    (folder / "facts").write_bytes(framed(facts | {"swaps": "/dev/sda2 partition 1 0 -2\n", "keys-root": "2\n"}))
    (folder / "packages").write_text("sudo 1.9.16 amd64\nlibc6 2.41 amd64\n")
    (folder / "index").write_text(_INDEX.format(sudo="a" * 64, libc6="b" * 64))
    return folder


def write_image(folder: Path) -> Path:
    """A whole image as the cache would have it."""
    write_record(RECIPE, write_draft(folder), STARTED, "mmdebstrap 1.3.5")
    return folder
