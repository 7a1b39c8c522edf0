"""The manifest: the same for the same files, readable by sha256sum, and nothing else is taken for one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dingli.bundle import BundleError, manifest
from dingli.bundle.build import write_archive
from dingli.bundle.layout import MANIFEST

from .conftest import Signed


def test_sha256sum_reads_it(bundle: Signed) -> None:
    done = subprocess.run(["sha256sum", "--check", "--strict", MANIFEST], cwd=bundle.folder, capture_output=True)
    assert done.returncode == 0, done.stdout


def test_the_archive_depends_on_names_and_contents_alone(bundle: Signed, tmp_path: Path) -> None:
    first = bundle.archive().read_bytes()
    for path in bundle.folder.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700 if path.is_dir() or path.name == "install" else 0o600)
    write_archive(bundle.folder, tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == first


def test_what_was_written_is_read_again() -> None:
    sums = {"b/c": "1" * 64, "a": "0" * 64}
    assert manifest.parse(manifest.text_of(sums)) == sums


@pytest.mark.parametrize(
    "text",
    [
        "short  a\n",
        f"{'0' * 64}  /etc/passwd\n",
        f"{'0' * 64}  a/../../b\n",
        f"{'0' * 64}  a b\n",
        f"{'0' * 64}  a\n{'1' * 64}  a\n",
        f"{'0' * 64}  b\n{'1' * 64}  a\n",
        f"{'0' * 64}  a\r\n",
        f"{'0' * 64}  a",
        f"{'0' * 64}  鼎\n",
    ],
)
def test_anything_else_is_no_manifest(text: str) -> None:
    with pytest.raises(ValueError, match=r"line|ascii"):
        manifest.parse(text.encode())


def test_only_plain_files_with_plain_names_are_bundled(tmp_path: Path) -> None:
    (tmp_path / "a b").write_text("")
    with pytest.raises(BundleError, match="a b"):
        manifest.sums_of(tmp_path)
    (tmp_path / "a b").unlink()
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BundleError, match="link"):
        manifest.sums_of(tmp_path)
