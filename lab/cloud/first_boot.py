"""What a machine of the cloud is given before its first boot, as images of clouds take it from cloud-init.

A user `debian` with sudo and the key of the launch; a host key and a name; and the user data, run once, as root, if it
is a script (`#!`). Other forms that cloud-init knows (#cloud-config, archives, compressed ones) are not done, which the
guest's log says.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import identity
from lab.cloud.backend import Guest

__all__ = ["USER", "FirstBoot", "prepare"]

USER = "debian"
_HOME = "var/lib/cloud/instance"
_UNITS = "etc/systemd/system"

_ACCOUNT = f"""#!/bin/sh
set -e
id {USER} >/dev/null 2>&1 || useradd --key PASS_MAX_DAYS=-1 --create-home --shell /bin/bash {USER}
install -d -m 0700 -o {USER} -g {USER} /home/{USER}/.ssh
install -m 0600 -o {USER} -g {USER} /{_HOME}/public-keys /home/{USER}/.ssh/authorized_keys
echo '{USER} ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-cloud-init-users
chmod 0440 /etc/sudoers.d/90-cloud-init-users
"""
_ACCOUNT_UNIT = f"""[Unit]
Description=The account of this machine's first boot
ConditionPathExists=!/{_HOME}/boot-finished
Before=ssh.service
[Service]
Type=oneshot
ExecStart=/bin/sh /{_HOME}/account
"""
_USER_DATA_UNIT = f"""[Unit]
Description=The user data of this machine
ConditionPathExists=!/{_HOME}/boot-finished
After=cloud-init.service ssh.service network.target
[Service]
Type=oneshot
ExecStart=-/{_HOME}/scripts/user-data
ExecStart=/bin/touch /{_HOME}/boot-finished
StandardOutput=append:/var/log/cloud-init-output.log
StandardError=append:/var/log/cloud-init-output.log
"""
_NOT_A_SCRIPT = "#!/bin/sh\necho 'the user data is no script (#!) and was not run: this cloud does nothing else'\n"
_NO_USER_DATA = "#!/bin/sh\n"


@dataclass(frozen=True)
class FirstBoot:
    """`files`: a tar for the new disk. `console`: what the machine writes to its console, as cloud-init does."""

    files: bytes
    console: str


def prepare(guest: Guest) -> FirstBoot:
    """With a host key of its own, made here: an emulated guest would take seconds."""
    with tempfile.TemporaryDirectory(prefix="dingli-cloud-") as folder:
        key = Path(folder) / "key"
        identity.make_key(key, f"root@{guest.hostname}")
        private, public = key.read_bytes(), key.with_suffix(".pub").read_bytes()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        identity.add_names_and_clock(tar, guest.hostname, guest.host.emulated)
        identity.add_file(tar, f"etc/ssh/{identity.HOST_KEY}", private, 0o600)
        identity.add_file(tar, f"etc/ssh/{identity.HOST_KEY}.pub", public, 0o644)
        _add_boot(tar, guest)
    return FirstBoot(buffer.getvalue(), _console(guest, public.decode()))


def _add_boot(tar: tarfile.TarFile, guest: Guest) -> None:
    script = guest.user_data if guest.user_data.startswith("#!") else _NOT_A_SCRIPT
    files = {
        "account": (_ACCOUNT, 0o700),
        "public-keys": (f"{guest.public_key.strip()}\n", 0o600),
        "user-data.txt": (guest.user_data, 0o600),
        "scripts/user-data": (script if guest.user_data else _NO_USER_DATA, 0o700),
    }
    for name, (text, mode) in files.items():
        identity.add_file(tar, f"{_HOME}/{name}", text.encode(), mode)
    for name, text in {"cloud-init.service": _ACCOUNT_UNIT, "cloud-final.service": _USER_DATA_UNIT}.items():
        identity.add_file(tar, f"{_UNITS}/{name}", text.encode(), 0o644)
        link = tarfile.TarInfo(f"{_UNITS}/multi-user.target.wants/{name}")
        link.type, link.linkname = tarfile.SYMTYPE, f"../{name}"
        tar.addfile(link)


def _console(guest: Guest, public_key: str) -> str:
    """By these lines one knows the host key without trusting the network."""
    kind, blob, name = public_key.split()
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(blob)).digest()).decode().rstrip("=")
    return "\n".join([
        f"{guest.hostname} login:",
        "-----BEGIN SSH HOST KEY FINGERPRINTS-----",
        f"256 SHA256:{digest} {name} (ED25519)",
        "-----END SSH HOST KEY FINGERPRINTS-----",
        "-----BEGIN SSH HOST KEY KEYS-----",
        f"{kind} {blob} {name}",
        "-----END SSH HOST KEY KEYS-----",
        "",
    ])  # fmt: skip
