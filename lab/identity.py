"""What a data centre hands over with a machine: who it is, and a key to it.

A host keeps its machine-id and its SSH host key over power cycles and over `down` and `up` (the same machine with a new
disk). `reset` makes new ones (another machine in the same place).
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import tarfile
import uuid
from pathlib import Path

import yaml

from lab.command import run
from lab.layout import LabHost, Layout
from lab.places import HANDOVER, IDENTITIES, ROOT_KEY

HOST_KEY = "ssh_host_ed25519_key"

# An image lets nobody in as root over SSH. A machine that is handed over with a key of root's does until it is adopted,
# which takes this file away; given back, it gets it again.
HANDED_OVER = "etc/ssh/sshd_config.d/00-given-back.conf"

# The clock is the machine's, which no host may set: chronyd measures and serves time but leaves the clock alone (-x).
# An emulator knows no system call filters (-F 0).
_CLOCK = """[Unit]
ConditionCapability=
[Service]
ExecStart=
ExecStart=!/usr/sbin/chronyd $DAEMON_OPTS -x{more}
"""


def prepare(layout: Layout) -> None:
    """Make what is missing of keys and machine-ids, and write the hand-over file."""
    ROOT_KEY.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_key(ROOT_KEY, "dingli-lab-root")
    for host in layout.hosts:
        folder = IDENTITIES / host.name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        make_key(folder / HOST_KEY, host.name)
        machine_id = folder / "machine-id"
        if not machine_id.is_file():
            _write(machine_id, f"{uuid.uuid4().hex}\n")
    hosts = {host.name: {"host_key_sha256": fingerprint(host.name)} for host in layout.hosts}
    _write(HANDOVER, yaml.safe_dump({"root_key": str(ROOT_KEY), "hosts": hosts}, sort_keys=False))


def fingerprint(host: str) -> str:
    """As `ssh-keygen -l` prints it."""
    blob = (IDENTITIES / host / f"{HOST_KEY}.pub").read_text(encoding="ascii").split()[1]
    digest = hashlib.sha256(base64.b64decode(blob)).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def files(host: LabHost) -> bytes:
    """A tar of the files that make a disk this host's."""
    folder = IDENTITIES / host.name
    public = ROOT_KEY.with_suffix(".pub").read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        add_file(tar, "etc/machine-id", (folder / "machine-id").read_bytes(), 0o444)
        add_names_and_clock(tar, host.name, host.emulated)
        add_file(tar, f"etc/ssh/{HOST_KEY}", (folder / HOST_KEY).read_bytes(), 0o600)
        add_file(tar, f"etc/ssh/{HOST_KEY}.pub", (folder / f"{HOST_KEY}.pub").read_bytes(), 0o644)
        add_file(tar, "root/.ssh/authorized_keys", public, 0o600)
        add_file(tar, HANDED_OVER, b"PermitRootLogin prohibit-password\n", 0o600)
    return buffer.getvalue()


def add_names_and_clock(tar: tarfile.TarFile, name: str, emulated: bool) -> None:
    """What every machine of the lab needs, of the racks or of the cloud."""
    names = f"127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n"
    add_file(tar, "etc/hosts", names.encode(), 0o644)
    clock = _CLOCK.format(more=" -F 0" if emulated else "")
    add_file(tar, "etc/systemd/system/chrony.service.d/clock-of-the-machine.conf", clock.encode(), 0o644)


def add_file(tar: tarfile.TarFile, name: str, data: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    tar.addfile(entry, io.BytesIO(data))


def make_key(path: Path, comment: str) -> None:
    """Unless it is there."""
    if path.is_file() and path.with_suffix(".pub").is_file():
        return
    path.unlink(missing_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)])


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)
