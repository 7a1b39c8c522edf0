"""Whatever is done to a bundle after it was signed is found, in the archive and unpacked."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dingli.bundle import Kind, verify
from dingli.bundle.layout import MANIFEST, SIGNATURE, SIGNER, TOP
from dingli.cli.bundle import app
from dingli.evidence import signing
from dingli.exceptions import ExitCode, InputError

from .conftest import FILES, Signed

DEB = "packages/debian-12/a_1~deb12u1_all.deb"


def _changed(folder: Path) -> None:
    (folder / DEB).write_bytes(b"b package")


def _missing(folder: Path) -> None:
    (folder / DEB).unlink()


def _added(folder: Path) -> None:
    (folder / "source" / "sitecustomize.py").write_text("import os\n")


def _manifest_follows(folder: Path) -> None:
    _changed(folder)
    signed = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(signed.replace(signed[:64], "0" * 64, 1))


TAMPERING: list[tuple[Callable[[Path], object], set[tuple[Kind, str]]]] = [
    (_changed, {(Kind.CHANGED, DEB)}),
    (_missing, {(Kind.MISSING, DEB)}),
    (_added, {(Kind.ADDED, "source/sitecustomize.py")}),
    (_manifest_follows, {(Kind.SIGNER, SIGNATURE), (Kind.CHANGED, DEB), (Kind.CHANGED, "bundle.json")}),
    (lambda folder: (folder / SIGNATURE).unlink(), {(Kind.MISSING, SIGNATURE)}),
    (lambda folder: (folder / MANIFEST).write_text("nothing\n"), {(Kind.SIGNER, SIGNATURE), (Kind.CHANGED, MANIFEST)}),
]


def _found(place: Path, key: str) -> set[tuple[Kind, str]]:
    return {(finding.kind, finding.path) for finding in verify(place, key).findings}


def test_what_was_signed_is_good(bundle: Signed) -> None:
    for place in (bundle.folder, bundle.archive()):
        verdict = verify(place, bundle.fingerprint)
        assert (verdict.findings, verdict.signer) == ((), bundle.fingerprint)
        assert verdict.files == len(FILES) + len([MANIFEST, SIGNATURE, SIGNER])


@pytest.mark.parametrize(("tamper", "expected"), TAMPERING)
def test_tampering_is_found(bundle: Signed, tamper: Callable[[Path], object], expected: set[tuple[Kind, str]]) -> None:
    tamper(bundle.folder)
    assert _found(bundle.folder, bundle.fingerprint) == expected
    assert _found(bundle.archive(), bundle.fingerprint) == expected


def test_the_fingerprint_is_what_ssh_keygen_shows(bundle: Signed) -> None:
    shown = subprocess.check_output(["ssh-keygen", "-lf", str(bundle.key)], text=True)
    assert shown.split()[1] == bundle.fingerprint


def test_a_bundle_that_somebody_else_signed_is_refused(bundle: Signed, tmp_path: Path) -> None:
    mallory = signing.ensure_key(tmp_path / "mallory", "mallory")
    _changed(bundle.folder)
    bundle.sign(mallory)
    assert _found(bundle.folder, bundle.fingerprint) == {(Kind.SIGNER, SIGNER)}


def test_the_owners_public_key_beside_another_signature_is_refused(bundle: Signed, tmp_path: Path) -> None:
    _changed(bundle.folder)
    bundle.sign(signing.ensure_key(tmp_path / "mallory", "mallory"))
    (bundle.folder / SIGNER).write_text(signing.public_key(bundle.key) + "\n")
    assert _found(bundle.folder, bundle.fingerprint) == {(Kind.SIGNER, SIGNATURE)}


def test_a_second_public_key_is_refused(bundle: Signed, tmp_path: Path) -> None:
    both = f"{signing.public_key(bundle.key)}\n{signing.public_key(signing.ensure_key(tmp_path / 'm', 'm'))}\n"
    (bundle.folder / SIGNER).write_text(both)
    assert _found(bundle.folder, bundle.fingerprint) == {(Kind.SIGNER, SIGNER)}


def test_the_key_may_be_a_file(bundle: Signed, tmp_path: Path) -> None:
    assert _found(bundle.folder, str(bundle.key) + ".pub") == set()
    (tmp_path / "other.pub").write_text("no key\n")
    with pytest.raises(InputError, match=r"other\.pub"):
        verify(bundle.folder, str(tmp_path / "other.pub"))
    with pytest.raises(InputError, match="fingerprint"):
        verify(bundle.folder, "SHA256:short")


def test_links_and_pipes_are_not_followed(bundle: Signed) -> None:
    (bundle.folder / DEB).rename(bundle.folder.parent / "elsewhere")
    (bundle.folder / DEB).symlink_to(bundle.folder.parent / "elsewhere")
    assert _found(bundle.folder, bundle.fingerprint) == {(Kind.ADDED, DEB), (Kind.MISSING, DEB)}


@pytest.mark.parametrize(
    ("name", "kind", "where"),
    [
        (f"{TOP}/install", tarfile.REGTYPE, "install"),
        ("elsewhere/install", tarfile.REGTYPE, "elsewhere/install"),
        (f"{TOP}/../../etc/cron.d/x", tarfile.REGTYPE, f"{TOP}/../../etc/cron.d/x"),
        ("/etc/cron.d/x", tarfile.REGTYPE, "/etc/cron.d/x"),
        (f"{TOP}/source/x", tarfile.SYMTYPE, "source/x"),
        (f"{TOP}/source/x", tarfile.CHRTYPE, "source/x"),
    ],
)
def test_what_only_an_archive_can_hide_is_found(bundle: Signed, name: str, kind: bytes, where: str) -> None:
    archive = bundle.archive()
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
        tar.addfile(member, io.BytesIO(b""))
    assert _found(archive, bundle.fingerprint) == {(Kind.ADDED, where)}


def test_an_archive_that_ends_in_the_middle_is_not_good(bundle: Signed) -> None:
    archive = bundle.archive()
    archive.write_bytes(archive.read_bytes()[:3000])
    assert (Kind.UNREADABLE, archive.name) in _found(archive, bundle.fingerprint)


def test_the_command_says_it_in_words_in_json_and_by_its_status(bundle: Signed) -> None:
    archive, runner = bundle.archive(), CliRunner()
    good = runner.invoke(app, ["verify", str(archive), "--key", bundle.fingerprint])
    assert (good.exit_code, "as it was signed" in good.output) == (ExitCode.OK, True)
    _changed(bundle.folder)
    bad = runner.invoke(app, ["verify", str(bundle.folder), "--key", bundle.fingerprint, "--json"])
    said = json.loads(bad.output)
    assert (bad.exit_code, said["good"]) == (ExitCode.FAILED, False)
    assert [(one["kind"], one["path"]) for one in said["findings"]] == [("changed", DEB)]


def test_no_bundle_at_all_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none"):
        verify(tmp_path / "none", "SHA256:" + "A" * 43)
