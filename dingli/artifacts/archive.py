"""Archives that do not depend on when, where or by whom they are written."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["EPOCH", "write_tar", "write_zipapp"]

# 2026-01-01. Any fixed moment does; zip files know none before 1980.
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "1767225600"))

_MAIN = "import runpy\n\nrunpy.run_module({package!r}, run_name='__main__', alter_sys=True)\n"


def write_tar(target: Path, files: Mapping[str, bytes]) -> None:
    """A gzipped tar of `files` (path → content): sorted, one time, owned by root, readable by all."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=EPOCH, compresslevel=6) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for folder in sorted({str(parent) for name in files for parent in Path(name).parents} - {"."}):
            tar.addfile(_entry(folder, tarfile.DIRTYPE, 0o755))
        for name in sorted(files):
            entry = _entry(name, tarfile.REGTYPE, 0o644)
            entry.size = len(files[name])
            tar.addfile(entry, io.BytesIO(files[name]))


def write_zipapp(target: Path, files: Mapping[str, bytes], package: str) -> None:
    """A zipapp that runs `package`, in the same order and with the same times whenever it is written."""
    when = datetime.fromtimestamp(EPOCH, UTC).timetuple()[:6]
    content = {**files, "__main__.py": _MAIN.format(package=package).encode()}
    with target.open("wb") as raw:
        raw.write(b"#!/usr/bin/env python3\n")
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as packed:
            for name in sorted(content):
                entry = zipfile.ZipInfo(name, when)
                entry.external_attr = 0o644 << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(entry, content[name], compresslevel=9)


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, EPOCH
    entry.uname = entry.gname = "root"
    return entry
