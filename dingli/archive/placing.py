"""Segments on the hosts of cores: there they read what etcd does not hold any more, and never wait for the bucket."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dingli.archive.bucket import Bucket
from dingli.archive.chain import Link
from dingli.archive.exceptions import ArchiveError
from dingli.archive.fetching import file_name
from dingli.environment import Environment

__all__ = ["Host", "folder_of", "on_host", "place"]

Host = Callable[[list[str], str], str]
"""Runs a command with standard input as root on a host; raises DingliError."""

_LIST = 'cd "$1" 2>/dev/null || exit 0; set -- *.segment; [ ! -e "$1" ] || sha256sum -- "$@"'
_PUT = """set -eu
umask 027
mkdir -p "$1"
part="$1/.$2.part"
base64 -d > "$part"
echo "$3  $part" | sha256sum --check --quiet -
chown --reference="$(dirname "$1")" "$1" "$part"
sync "$part"
mv "$part" "$1/$2"
sync "$1"
"""
_PATIENCE_S = 120.0


def folder_of(cell: str) -> str:
    """Where both kinds of core look, on every host."""
    return f"/var/lib/dingli/core-{cell}/archive"


@contextmanager
def on_host(environment: Environment, host: str) -> Iterator[Host]:
    """The deploy account, as root."""
    from dingli import ssh  # paramiko takes long to load

    with ssh.connect(ssh.target(environment, host), timeout_s=5) as connection:
        yield (
            lambda words, stdin: (
                connection.run(shlex.join(["sudo", "-n", *words]), stdin=stdin, timeout_s=_PATIENCE_S).stdout
            )
        )


def place(
    bucket: Bucket, links: list[Link], folder: str, host: Host, tell: Callable[[str], None] = lambda line: None
) -> int:
    """Puts the segments there that are not, and compares all of them; how many were put."""
    present = _sums(host, folder)
    expected: dict[str, str] = {}
    placed = 0
    for link in links:
        name, data = file_name(link.header.first), bucket.read(link.version)
        expected[name] = hashlib.sha256(data).hexdigest()
        if present.get(name) != expected[name]:
            host(["sh", "-c", _PUT, "sh", folder, name, expected[name]], base64.b64encode(data).decode())
            placed += 1
            tell(f"{name} placed")
    found = _sums(host, folder)
    wrong = [name for name, checksum in expected.items() if found.get(name) != checksum]
    if wrong:
        raise ArchiveError(f"{folder} has not the segments {', '.join(wrong)}", "all of them", "try again")
    return placed


def _sums(host: Host, folder: str) -> dict[str, str]:
    lines = host(["sh", "-c", _LIST, "sh", folder], "").splitlines()
    return {name: checksum for checksum, _, name in (line.partition("  ") for line in lines)}
