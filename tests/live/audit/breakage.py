"""Settings of a host, broken on purpose and put back. What a killed test left broken is put back by the next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dingli.ssh import Connection

_KEPT = ".before-audit-test"


@dataclass(frozen=True)
class Breakage:
    """One item, and shell commands for root that break what it asks for, and that undo it, any number of times."""

    item: str
    sub_point: str
    break_it: str
    restore: str
    tries_passwords: bool = False


def _replaced(file: str, text: str) -> tuple[str, str]:
    kept = shlex.quote(file + _KEPT)
    path = shlex.quote(file)
    return (
        f"cp -a {path} {kept} && printf %s {shlex.quote(text)} > {path}",
        f"if [ -e {kept} ]; then mv {kept} {path}; fi",
    )


_SSHD = "/etc/ssh/sshd_config.d/00-audit-test.conf"
# A restart is over when the daemon listens with its new settings; a reload only when it was told to. Sessions go on.
_RESTART = "/usr/sbin/sshd -t && systemctl restart ssh.service"
_WEAK_QUALITY = "minlen = 6\nminclass = 0\ndictcheck = 0\nusercheck = 0\n"
_SETUID = "/usr/local/bin/audit-test-program"
_SERVICE = "dingli-audit-test.service"
_LISTENS = "for i in $(seq 200); do ss -Htln 'sport = :8099' | grep -q . && exit 0; sleep 0.1; done; exit 1"
BREAKAGES = (
    Breakage(
        "8.1.4.1.a", "complexity", *_replaced("/etc/security/pwquality.conf", _WEAK_QUALITY), tries_passwords=True
    ),
    Breakage("8.1.4.1.b", "lock-out", *_replaced("/etc/security/faillock.conf", "deny = 100\n"), tries_passwords=True),
    Breakage(
        "8.1.4.1.c",
        "offered",
        f"printf 'MACs hmac-sha2-256,hmac-sha1\\n' > {_SSHD} && {_RESTART}",
        f"if [ -e {_SSHD} ]; then rm {_SSHD} && {_RESTART}; fi",
    ),
    Breakage(
        "8.1.4.2.b",
        "product-accounts",
        "useradd --no-create-home --shell /bin/bash guest && printf 'guest:Xk4#qvT9!mZp7\\n' | chpasswd",
        "if id -u guest >/dev/null 2>&1; then userdel guest; fi",
    ),
    Breakage(
        "8.1.4.2.f",
        "scan",
        f"cp /usr/bin/true {_SETUID} && chmod 4755 {_SETUID}",
        f"rm -f {_SETUID}",
    ),
    Breakage(
        "8.1.4.3.c",
        "retention",
        *_replaced("/etc/systemd/journald.conf.d/dingli.conf", "[Journal]\nStorage=volatile\n"),
    ),
    Breakage(
        "8.1.4.4.b",
        "ports",
        f"systemd-run --quiet --unit={_SERVICE} python3 -m http.server 8099 && {{ {_LISTENS}; }}",
        f"systemctl stop {_SERVICE} 2>/dev/null || true",
    ),
)


def as_root(connection: Connection, script: str) -> None:
    """Run a script as root. Raises CommandFailed if it fails."""
    connection.run(f"sudo -n sh -c {shlex.quote(script)}", timeout_s=60)


@contextmanager
def broken(connection: Connection, breakage: Breakage) -> Iterator[None]:
    """The host with this setting broken; afterwards as it was."""
    as_root(connection, breakage.restore)
    try:
        as_root(connection, breakage.break_it)
        yield
    finally:
        as_root(connection, breakage.restore)
