"""An image is used only if it is what its recipe promises; its record says what it is, and what was judged."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from cyclonedx.model.bom import Bom

from lab import golden
from lab.exceptions import LabError
from lab.golden import judged, record, verification
from lab.golden.packages import bill_of_materials, packages
from lab.golden.recording import write_record
from tests.unit.lab.golden.made import (
    FILES,
    INSTALLED,
    RECIPE,
    STARTED,
    framed,
    write_archive,
    write_draft,
    write_image,
)


def test_the_record_has_packages_with_sums_release_and_what_the_image_meets(tmp_path: Path) -> None:
    made = record.read(write_image(tmp_path))
    assert {(one.name, one.version, one.sha256[:1]) for one in made.packages} == {
        ("sudo", "1.9.16", "a"),
        ("libc6", "2.41", ""),  # the list has another version
    }
    assert (made.image, made.release["VERSION_ID"], made.recipe_sha256) == ("debian-13-x86_64", "13", RECIPE.sha256)
    assert set(RECIPE.satisfies) <= set(made.satisfies)
    assert made.root.paths == len(FILES)
    assert {file.name for file in tmp_path.iterdir()} == {"rootfs.tar", "record.json", "listing", "gathered", "facts"}


def test_what_would_be_told_of_the_building_machine_is_not_judged(tmp_path: Path) -> None:
    made = record.read(write_image(tmp_path))
    assert "8.1.4.10.a" not in {one.item for one in made.points}  # it has swap


@pytest.mark.parametrize(
    ("files", "installed", "told"),
    [
        ({"etc/ssh/ssh_host_ed25519_key": b"key"}, INSTALLED, "left in it: /etc/ssh/ssh_host_ed25519_key"),
        ({"etc/machine-id": b"0" * 32}, INSTALLED, "left in it: /etc/machine-id"),
        ({"root/.ssh/authorized_keys": b"ssh-ed25519 AAAA"}, INSTALLED, "left in it: /root/.ssh/authorized_keys"),
        ({"var/log/apt/term.log": b"Unpacking"}, INSTALLED, "left in it: /var/log/apt/term.log"),
        ({"var/cache/apt/archives/sudo.deb": b"!<arch>"}, INSTALLED, "left in it: /var/cache/apt/archives/sudo.deb"),
        ({}, f"{INSTALLED}ii  tcpdump 4.99\n", "does not meet 8.1.4.4.a (unwanted: installed and not needed: tcpdump)"),
    ],
)
def test_an_image_that_is_not_as_promised_is_refused(
    tmp_path: Path, files: dict[str, bytes], installed: str, told: str
) -> None:
    draft = write_draft(tmp_path, FILES | files, installed)
    with pytest.raises(LabError) as refused:
        write_record(RECIPE, draft, STARTED, "mmdebstrap 1.3.5")
    assert told in str(refused.value)
    assert not (draft / golden.FILE).exists()


def test_empty_files_of_one_host_are_no_leftovers() -> None:
    empty = f"f 0644 0:0 {hashlib.sha256().hexdigest()}"
    assert judged.leftovers({"/etc/machine-id": empty, "/var/log": "d 0755 0:0 -", "/var/log/btmp": empty}) == ()


def test_an_item_of_which_a_part_is_left_to_the_host_is_not_met() -> None:
    evidence = judged.evidence_of("image", {"facts": framed({"packages": "ii  sudo 1\n"})})
    assert judged.satisfied(evidence) == ("8.1.4.4.a",)
    assert {(one.item, one.verdict) for one in judged.points(evidence)} == {
        ("8.1.4.4.a", "compliant"),
        ("8.1.4.4.e", "needs_person"),
    }


def test_a_whole_image_is_as_recorded(tmp_path: Path) -> None:
    assert verification.verify("image", write_image(tmp_path)).findings == ()


@pytest.mark.parametrize("name", ["facts", "gathered", "listing"])
def test_what_is_kept_beside_the_image_is_verified_too(tmp_path: Path, name: str) -> None:
    folder = write_image(tmp_path)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    assert [one.path for one in verification.verify("image", folder).findings] == [str(folder / name)]


def test_the_changed_file_of_a_copy_is_named(tmp_path: Path) -> None:
    (tmp_path / "image").mkdir()
    folder = write_image(tmp_path / "image")
    copy = write_archive(tmp_path / "copy.tar", FILES | {"etc/login.defs": b"UMASK 000\n"})
    assert [one.path for one in verification.verify("image", folder, copy).findings] == [str(copy), "/etc/login.defs"]


def test_a_changed_image_is_noticed_even_if_its_listing_was_changed_alike(tmp_path: Path) -> None:
    folder = write_image(tmp_path)
    write_archive(folder / golden.ARCHIVE, FILES | {"etc/login.defs": b"UMASK 000\n"})
    (folder / golden.LISTING).unlink()
    found = [one.path for one in verification.verify("image", folder).findings]
    assert found == [str(folder / golden.LISTING), str(folder / golden.ARCHIVE)]


def test_a_folder_without_a_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no record of an image"):
        record.read(tmp_path)


def test_the_bill_of_materials_has_every_package_and_is_the_same_for_the_same_record(tmp_path: Path) -> None:
    made = record.read(write_image(tmp_path))
    text = bill_of_materials(made)
    assert text == bill_of_materials(made)
    bom = Bom.from_json(json.loads(text))  # type: ignore[attr-defined]
    assert {str(one.purl) for one in bom.components} == {
        "pkg:deb/debian/sudo@1.9.16?arch=amd64&distro=debian-13",
        "pkg:deb/debian/libc6@2.41?arch=amd64&distro=debian-13",
    }


def test_a_sum_belongs_to_one_version_and_architecture() -> None:
    paragraph = "Package: a\nVersion: {0}\nArchitecture: all\nSHA256: {0}{0}\n"
    index = "\n".join(paragraph.format(version) for version in (1, 2))
    assert [one.sha256 for one in packages("a 2 all\n", index)] == ["22"]
    assert [one.sha256 for one in packages("a 2 amd64\n", index)] == [""]
