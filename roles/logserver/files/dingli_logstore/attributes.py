"""The attribute with which a file can only grow (chattr +a): not even its owner can change, rename or remove it."""

from __future__ import annotations

import array
import fcntl
import os
from pathlib import Path

__all__ = ["grows_only", "set_grows_only"]

_GET_FLAGS, _SET_FLAGS = 0x80086601, 0x40086602  # FS_IOC_GETFLAGS, FS_IOC_SETFLAGS
_APPEND = 0x20  # FS_APPEND_FL


def grows_only(path: Path) -> bool:
    """Whether the file has the attribute; False where the file system knows no attributes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return bool(_flags(descriptor) & _APPEND)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def set_grows_only(path: Path, wanted: bool) -> bool:
    """Give or take the attribute. False if that cannot be done: the file system, or a missing capability."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flags = _flags(descriptor)
        changed = flags | _APPEND if wanted else flags & ~_APPEND
        if changed != flags:
            fcntl.ioctl(descriptor, _SET_FLAGS, array.array("i", [changed]))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _flags(descriptor: int) -> int:
    flags = array.array("i", [0])
    fcntl.ioctl(descriptor, _GET_FLAGS, flags, True)
    return flags[0]
