"""Every path of a root file system in one line: kind, mode, owner, content. The same files give the same bytes.

Times are left out: they say when an image was built, not what it is.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.exceptions import LabError

__all__ = ["Difference", "differences", "dumps", "loads", "of_archive"]

Listing = Mapping[str, str]
"""By absolute path: what is there, in words that are equal exactly when it is the same."""

_KINDS = {tarfile.DIRTYPE: "d", tarfile.CHRTYPE: "c", tarfile.BLKTYPE: "b", tarfile.FIFOTYPE: "p"}
_ATTRIBUTE = "SCHILY.xattr."
_GONE = "nothing"


@dataclass(frozen=True)
class Difference:
    """A path that is not what was recorded."""

    path: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"{self.path}: found {self.found}, recorded {self.expected}"


def of_archive(archive: Path) -> dict[str, str]:
    """The files that this tar unpacks to: of a path that is in it twice, the last one counts."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(archive, mode="r|") as tar:
            for member in tar:
                found["/" + member.name.removeprefix(".").strip("/")] = _line(tar, member)
    except (tarfile.TarError, EOFError) as error:
        raise LabError(f"{archive} is damaged: {error}", "a whole tar file", "build the image again") from error
    return found


def _line(tar: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    access = f"{member.mode & 0o7777:04o} {member.uid}:{member.gid}"
    if member.isreg():
        content = tar.extractfile(member)
        assert content is not None  # a regular file has one
        text = f"f {access} {hashlib.file_digest(content, 'sha256').hexdigest()}"  # type: ignore[arg-type]
    elif member.issym():
        text = f"l {access} {json.dumps(member.linkname)}"
    elif member.islnk():
        text = f"h {access} {json.dumps('/' + member.linkname.removeprefix('.').strip('/'))}"
    elif member.ischr() or member.isblk():
        text = f"{_KINDS[member.type]} {access} {member.devmajor}:{member.devminor}"
    else:
        text = f"{_KINDS.get(member.type, '?')} {access} -"
    attributes = {key: value for key, value in member.pax_headers.items() if key.startswith(_ATTRIBUTE)}
    return text + "".join(f" {key.removeprefix(_ATTRIBUTE)}={attributes[key]!a}" for key in sorted(attributes))


def dumps(listing: Listing) -> bytes:
    """A line a path, in order."""
    return "".join(f"{json.dumps(path)} {listing[path]}\n" for path in sorted(listing)).encode()


def loads(text: bytes) -> dict[str, str]:
    """What `dumps` wrote."""
    found: dict[str, str] = {}
    for line in text.decode().splitlines():
        path, end = json.JSONDecoder().raw_decode(line)
        found[path] = line[end + 1 :]
    return found


def differences(recorded: Listing, found: Listing) -> tuple[Difference, ...]:
    """Every path that was changed, is missing, or was added; in order."""
    pairs = ((path, found.get(path, _GONE), recorded.get(path, _GONE)) for path in sorted({*recorded, *found}))
    return tuple(Difference(*pair) for pair in pairs if pair[1] != pair[2])
