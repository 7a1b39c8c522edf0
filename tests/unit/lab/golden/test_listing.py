"""A listing is the same for the same files, and tells every difference by its path."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.exceptions import LabError
from lab.golden import listing
from tests.unit.lab.golden.made import FILES, write_archive


def _of(file: Path) -> dict[str, str]:
    return listing.of_archive(file)


def test_order_and_times_are_not_part_of_it(tmp_path: Path) -> None:
    first = write_archive(tmp_path / "a", FILES, mtime=1)
    second = write_archive(tmp_path / "b", dict(reversed(FILES.items())), mtime=2)
    assert listing.dumps(_of(first)) == listing.dumps(_of(second))


@pytest.mark.parametrize(
    ("files", "mode", "named"),
    [
        (FILES | {"usr/bin/sudo": b"\x7fELG"}, 0o755, ["/usr/bin/sudo"]),
        (FILES, 0o4755, ["/etc/login.defs", "/usr/bin/sudo"]),
        (FILES | {"usr/bin/nc": b""}, 0o755, ["/usr/bin/nc"]),
        ({"etc/login.defs": FILES["etc/login.defs"]}, 0o755, ["/usr/bin/sudo"]),
    ],
    ids=["changed", "set-user-id", "added", "missing"],
)
def test_what_was_changed_is_named(tmp_path: Path, files: dict[str, bytes], mode: int, named: list[str]) -> None:
    before = _of(write_archive(tmp_path / "before"))
    after = _of(write_archive(tmp_path / "after", files, mode=mode))
    assert [one.path for one in listing.differences(before, after)] == named


@pytest.mark.parametrize("change", ["uid", "linkname", "capability", "device"])
def test_owners_links_attributes_and_devices_count(tmp_path: Path, change: str) -> None:
    def archive(name: str, changed: bool) -> Path:
        link, device, program = tarfile.TarInfo("./bin"), tarfile.TarInfo("./dev/null"), tarfile.TarInfo("./ping")
        link.type, link.linkname = tarfile.SYMTYPE, "sbin" if changed and change == "linkname" else "usr/bin"
        device.type, device.devmajor, device.devminor = tarfile.CHRTYPE, 1, 8 if changed and change == "device" else 3
        program.uid = 1000 if changed and change == "uid" else 0
        rights = "\x01\x00\x00\x02" if changed and change == "capability" else "\x01"
        program.pax_headers = {"SCHILY.xattr.security.capability": rights}
        with tarfile.open(tmp_path / name, "w", format=tarfile.PAX_FORMAT) as tar:
            for entry in (link, device, program):
                tar.addfile(entry)
        return tmp_path / name

    assert len(listing.differences(_of(archive("a", False)), _of(archive("b", True)))) == 1
    assert not listing.differences(_of(archive("a", False)), _of(archive("c", False)))


def test_a_file_put_over_another_at_the_end_of_the_archive_is_seen(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "image")
    before = _of(file)
    with tarfile.open(file, "a") as tar:
        entry = tarfile.TarInfo("etc/login.defs")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"\n"))
    assert [one.path for one in listing.differences(before, _of(file))] == ["/etc/login.defs"]


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.from_regex(r"[a-z0-9 :\"]+", fullmatch=True)))
def test_it_is_read_as_it_was_written(found: dict[str, str]) -> None:
    assert listing.loads(listing.dumps(found)) == found


def test_half_an_archive_is_an_error(tmp_path: Path) -> None:
    file = write_archive(tmp_path / "image", {"a": b"x" * 5000})
    file.write_bytes(file.read_bytes()[:3000])
    with pytest.raises(LabError, match="is damaged"):
        _of(file)
