"""Power that returns by itself: a timer on the ops hosts, which lets a cloud start a machine when nobody else is left.

An ops host has no credentials. It is given one request, signed beforehand, for this one machine and for a limited time.
The timer outlives a restart of its host: what has become due meanwhile is asked as soon as the host is up again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from dingli import ssh
from dingli.environment import Environment
from dingli.power.exceptions import PowerRefused

__all__ = ["Promise", "arm", "disarm", "keepers"]

_FOLDER = "/var/lib/dingli-power"
_UNITS = "/etc/systemd/system"
_ASK = """\
import json, ssl, sys, urllib.request
with open(sys.argv[1]) as source:
    promise = json.load(source)
context = ssl.create_default_context(cadata=promise["ca"])
context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # many a private CA lacks an extension that newer Pythons ask for
urllib.request.urlopen(promise["url"], timeout=30, context=context).read()
"""
_SERVICE = """\
[Unit]
Description=Give {host} its power back
Wants=network-online.target
After=network-online.target
[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {folder}/ask.py {folder}/{host}.json
ExecStartPost=/bin/sh -c "{forget}"
Restart=on-failure
RestartSec=5
"""
_TIMER = """\
[Unit]
Description=When {host} gets its power back
[Timer]
OnCalendar=$until
Persistent=true
AccuracySec=100ms
[Install]
WantedBy=timers.target
"""
_CONNECT_S, _PATIENCE_S = 5.0, 15.0


@dataclass(frozen=True)
class Promise:
    """What has to be asked for the power of `host` to return: `url`, and the certificate authority of its server
    (None: the usual ones)."""

    host: str
    url: str
    ca: str | None

    def script(self, seconds: int) -> str:
        """For a shell as root; time is the ops host's own."""
        words = {"host": self.host, "folder": _FOLDER, "forget": _forget(self.host)}
        unit = f"dingli-power-{self.host}"
        files = {
            f"{_FOLDER}/{self.host}.json": json.dumps({"url": self.url, "ca": self.ca}),
            f"{_FOLDER}/ask.py": _ASK,
            f"{_UNITS}/{unit}.service": _SERVICE.format(**words),
        }
        written = [f"cat > {file} <<'END'\n{text}\nEND" for file, text in files.items()]
        return "\n".join([
            "set -e",
            "umask 077",
            f"mkdir -p {_FOLDER}",
            f'until=$(date -u -d "+{seconds} seconds" "+%F %T UTC")',
            *written,
            f"cat > {_UNITS}/{unit}.timer <<END\n{_TIMER.format(**words)}\nEND",
            "systemctl daemon-reload",
            f"systemctl enable --quiet {unit}.timer",
            f"systemctl restart {unit}.timer",
            "",
        ])  # fmt: skip


def keepers(environment: Environment, host: str) -> tuple[str, ...]:
    """The hosts that can keep a promise for `host`: those of the ops sites, but for itself."""
    return tuple(name for name in environment.hosts if name != host and not environment.site_of(name).trading)


def arm(environment: Environment, promise: Promise, seconds: int) -> None:
    """Raises PowerRefused unless at least one ops host has promised to ask `seconds` from now, until it is answered."""
    names = keepers(environment, promise.host)
    problems = _everywhere(environment, names, promise.script(seconds))
    if len(problems) == len(names):
        raise PowerRefused(
            f"no ops host gives the power of {promise.host} back: {'; '.join(problems) or 'there is none'}",
            "a timer on at least one of them",
            "see `dingli status`, and bring an ops host up first",
        )


def disarm(environment: Environment, host: str) -> None:
    """Nothing happens where nothing was promised. One that does not answer will ask for what is so already."""
    _everywhere(environment, keepers(environment, host), f"{_forget(host)}\n")


def _forget(host: str) -> str:
    unit = f"dingli-power-{host}"
    files = f"{_FOLDER}/{host}.json {_UNITS}/{unit}.timer {_UNITS}/{unit}.service"
    ended = f"systemctl disable --quiet --now {unit}.timer 2>/dev/null; rm -f {files}; systemctl daemon-reload"
    return f"{ended}; systemctl reset-failed {unit}.service 2>/dev/null || true"


def _everywhere(environment: Environment, names: Sequence[str], script: str) -> list[str]:
    """On all at once; those that did not do it."""

    def one(name: str) -> str | None:
        try:
            with ssh.connect(ssh.target(environment, name), timeout_s=_CONNECT_S, patience_s=_PATIENCE_S) as connection:
                connection.run("sudo -n bash -s", stdin=script, timeout_s=30)
        except ssh.SshError as error:
            return f"{name}: {error.found}"
        return None

    with ThreadPoolExecutor(max(1, len(names))) as pool:
        return [problem for problem in pool.map(one, names) if problem is not None]
