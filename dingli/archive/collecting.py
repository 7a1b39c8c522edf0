"""Making the files that are backed up."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from dingli.archive.exceptions import ArchiveError
from dingli.artifacts.archive import write_tar
from dingli.cell.members import ask_members
from dingli.environment import Environment
from dingli.environment.etcd import client_url
from dingli.evidence.store import RunFolder

__all__ = ["Stream", "evidence_tar", "member_for_snapshot", "on_member", "snapshot", "tls_words"]

Stream = Callable[[list[str], BinaryIO], None]
"""Runs a command as root on a host, its output into a file; raises DingliError."""

# The snapshot needs room on the member's disk for as long as this takes.
_SNAPSHOT = """set -eu
umask 077
folder=$(mktemp -d -p /var/tmp)
trap 'rm -rf "$folder"' EXIT
ETCDCTL_API=3 nice -n 19 etcdctl "$@" snapshot save "$folder/snapshot" >&2
nice -n 19 gzip -1 -c "$folder/snapshot"
"""
_PATIENCE_S = 900.0


def evidence_tar(run: RunFolder, target: Path) -> None:
    """A closed run's folder. The same run gives the same bytes."""
    files = [path for path in run.path.rglob("*") if path.is_file() and not path.is_symlink()]
    write_tar(target, {f"{run.path.name}/{path.relative_to(run.path)}": path.read_bytes() for path in files})


def member_for_snapshot(environment: Environment) -> str:
    """A member of the journal that is well, and not the one that leads it if there is another."""
    well = [one for one in ask_members(environment, environment.journal.members) if one.healthy]
    if not well:
        raise ArchiveError("no member of the journal answers", "one that is well", "`dingli status`")
    return min(well, key=lambda one: one.leads).name


def tls_words(environment: Environment, member: str) -> list[str]:
    """How etcdctl on the member's host reaches it as root, who alone may take a snapshot."""
    pki = "/etc/dingli/pki"
    words = ["--endpoints", client_url(environment, member), "--cacert", f"{pki}/ca.crt"]
    return [*words, "--cert", f"{pki}/etcd-root.crt", "--key", f"{pki}/etcd-root.key"]


def snapshot(stream: Stream, etcdctl_words: list[str], target: Path) -> None:
    """A gzipped snapshot of a member, which goes on meanwhile."""
    with target.open("wb") as output:
        stream(["sh", "-c", _SNAPSHOT, "sh", *etcdctl_words], output)


@contextmanager
def on_member(environment: Environment, member: str) -> Iterator[Stream]:
    """Over SSH. A snapshot may be as large as the disk: it is never held in memory."""
    from dingli import ssh  # paramiko takes long to load

    with ssh.connect(ssh.target(environment, member), timeout_s=5) as connection:

        def stream(words: list[str], output: BinaryIO) -> None:
            channel = connection.transport.open_session(timeout=10)
            channel.settimeout(_PATIENCE_S)
            channel.exec_command("sudo -n " + shlex.join(words))
            try:
                with channel.makefile("rb") as source:
                    shutil.copyfileobj(source, output, 1 << 20)
            except OSError as error:
                raise ArchiveError(f"{member}: {error or 'no answer'} during a snapshot", "its end") from error
            status = channel.recv_exit_status()
            if status:
                said = channel.makefile_stderr("rb").read().decode(errors="replace").strip()[-300:]
                raise ArchiveError(f"{member}: the snapshot ended with status {status}: {said}", "status 0")

        yield stream
