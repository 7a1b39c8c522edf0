"""Power that returns by itself: a service on ops hosts, which lets a cloud start a machine when nobody else is left.

An ops host has no credentials. It is given one request, signed beforehand, for this one machine and for a limited time,
and shows at once that it can make it: the cloud is asked whether it would. The service is enabled: it begins anew after
a restart of its host, and asks until it is answered.
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
import json, ssl, sys, time, urllib.error, urllib.request
with open(sys.argv[1]) as source:
    promise = json.load(source)
context = ssl.create_default_context(cadata=promise["ca"])
context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # many a private CA lacks an extension that newer Pythons ask for
def ask(url):
    return urllib.request.urlopen(url, timeout=30, context=context).read()
if sys.argv[2:] == ["--try"]:
    try:
        ask(promise["trial"])
        sys.exit("the cloud started the machine, which was only to be tried")
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")
        if "DryRunOperation" not in said:
            sys.exit(said[:300])
        sys.exit(0)
time.sleep(max(0.0, promise["due"] - time.time()))
if time.time() > promise["ends"]:
    print("no answer while the request was signed: `dingli power ENV HOST on` starts it", file=sys.stderr)
    sys.exit({given_up})
ask(promise["url"])
"""
_SERVICE = """\
[Unit]
Description=Give {host} its power back when its time is over
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0
[Service]
ExecStart=/usr/bin/python3 -I {folder}/ask.py {folder}/{host}.json
ExecStopPost=/bin/sh -c 'test "$$EXIT_CODE $$EXIT_STATUS" != "exited 0" || {{ {forget}; }}'
Restart=on-failure
RestartSec=5
RestartPreventExitStatus={given_up}
[Install]
WantedBy=multi-user.target
"""
# It is forgotten when it was answered, not when its host shuts down meanwhile.
_GIVEN_UP = 77
_CONNECT_S, _PATIENCE_S, _SCRIPT_S = 5.0, 15.0, 60.0


@dataclass(frozen=True)
class Promise:
    """What has to be asked for the power of `host` to return: `url`; `trial` asks whether it would be done; both are
    signed until `ends` (seconds of the epoch) at most; `ca` is the certificate authority of the server (None: the usual
    ones).
    """

    host: str
    url: str
    trial: str
    ends: float
    ca: str | None

    def script(self, seconds: int) -> str:
        """For a shell as root; time is the ops host's own."""
        unit, file = _unit(self.host), f"{_FOLDER}/{self.host}.json"
        told = json.dumps({"url": self.url, "trial": self.trial, "ends": self.ends, "ca": self.ca, "due": "DUE"})
        words = {"host": self.host, "folder": _FOLDER, "forget": _forget(self.host), "given_up": _GIVEN_UP}
        program = _ASK.replace("{given_up}", str(_GIVEN_UP))
        files = {f"{_FOLDER}/ask.py": program, f"{_UNITS}/{unit}": _SERVICE.format(**words), file: told}
        return "\n".join([
            "set -e",
            "umask 077",
            f"due=$(($(date +%s) + {seconds}))",
            f"mkdir -p {_FOLDER}",
            *(f"cat > {name} <<'END'\n{text}\nEND" for name, text in files.items()),
            f'sed -i "s/\\"DUE\\"/$due/" {file}',
            f"/usr/bin/python3 -I {_FOLDER}/ask.py {file} --try || {{ rm -f {file} {_UNITS}/{unit}; exit 1; }}",
            "systemctl daemon-reload",
            f"systemctl enable --quiet {unit}",
            f"systemctl restart {unit}",
            "sync",  # the next cut may be this host's own
            "",
        ])  # fmt: skip


def keepers(environment: Environment, host: str) -> tuple[str, ...]:
    """The hosts that can keep a promise for `host`: those of other sites that are ops: its own may be lost with it."""
    own = environment.hosts[host].site
    return tuple(
        other.name
        for other in environment.hosts.values()
        if other.site != own and not environment.sites[other.site].trading
    )


def arm(environment: Environment, promise: Promise, seconds: int) -> None:
    """Raises PowerRefused unless at least one ops host promises to ask `seconds` from now, and shows that it can."""
    names = keepers(environment, promise.host)
    problems = _everywhere(environment, names, promise.script(seconds))
    if len(problems) == len(names):
        raise PowerRefused(
            f"no ops host gives the power of {promise.host} back: {'; '.join(problems) or 'there is none'}",
            "at least one of another site that reaches the cloud, and may start the machine",
            "see `dingli status`, and what the host said",
        )


def disarm(environment: Environment, host: str) -> None:
    """Nothing happens where nothing was promised. One that does not answer will ask for what is so already."""
    _everywhere(environment, keepers(environment, host), f"{_forget(host)}; systemctl stop {_unit(host)} || true\n")


def _unit(host: str) -> str:
    return f"dingli-power-{host}.service"


def _forget(host: str) -> str:
    unit = _unit(host)
    return f"systemctl disable --quiet {unit} 2>/dev/null; rm -f {_FOLDER}/{host}.json {_UNITS}/{unit}"


def _everywhere(environment: Environment, names: Sequence[str], script: str) -> list[str]:
    """On all at once; those that did not do it."""

    def one(name: str) -> str | None:
        try:
            with ssh.connect(ssh.target(environment, name), timeout_s=_CONNECT_S, patience_s=_PATIENCE_S) as connection:
                connection.run("sudo -n bash -s", stdin=script, timeout_s=_SCRIPT_S)
        except ssh.SshError as error:
            return f"{name}: {error.found}"
        return None

    with ThreadPoolExecutor(max(1, len(names))) as pool:
        return [problem for problem in pool.map(one, names) if problem is not None]
