"""Trying the network: every host, and this machine, tries the whole matrix at once."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from dingli import ssh
from dingli.environment import Environment, Protocol
from dingli.network import wire_probe
from dingli.network.judgement import Answer, Report, Seen, judge
from dingli.network.matrix import CONTROLLER, Attempt, matrix

__all__ = ["Keep", "controller_address", "parse", "scan", "script"]

Keep = Callable[[str, str], object]
"""Gets the name of a host and what it printed: the raw evidence."""

_CONNECT_S, _PATIENCE_S, _SCRIPT_S = 10, 30, 120
_MOST_AT_ONCE = 64
_COMMAND = "python3 -I -"


def scan(environment: Environment, tell: Callable[[str], None], keep: Keep) -> Report:
    """Try everything and judge it. A host that cannot be reached is a finding, not an error."""
    here = controller_address(environment)
    attempts = matrix(environment, here)
    by_source: dict[str, list[Attempt]] = {name: [] for name in environment.hosts}
    for attempt in attempts:
        by_source.setdefault(attempt.source, []).append(attempt)
    seen: dict[str, Seen] = {}
    with ThreadPoolExecutor(_MOST_AT_ONCE) as executor:
        asked = {executor.submit(_ask, environment, name, tries): name for name, tries in by_source.items()}
        for future in as_completed(asked):
            name, (output, seen[asked[future]]) = asked[future], future.result()
            keep(name, output)
            tell(f"{len(seen)} of {len(asked)}: {name} {_said(seen[name], len(by_source[name]))}")
    return judge(environment.name, attempts, {name: seen[name] for name in by_source})


def controller_address(environment: Environment) -> IPv4Address | None:
    """This machine's address on the way to the first host without a bastion; None if there is no way."""
    direct = (host for host in environment.hosts.values() if environment.site_of(host.name).bastion is None)
    for host in direct:
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
                unsent.connect((str(host.address), wire_probe.MOST_AT_ONCE))
                return IPv4Address(unsent.getsockname()[0])
        except OSError:
            continue
    return None


def script(environment: Environment, attempts: Sequence[Attempt]) -> str:
    """What a host runs."""
    return f"{Path(wire_probe.__file__).read_text(encoding='utf-8')}\nmain({_targets(environment, attempts)!r})\n"


def parse(attempts: Sequence[Attempt], output: str) -> Seen:
    """What a host printed; raises ValueError or KeyError if it is something else."""
    said: Mapping[str, Any] = json.loads(output)
    answers = {one.target: Answer(word) for one, word in zip(attempts, said["answers"], strict=True)}
    return Seen(answers, frozenset((Protocol(protocol), int(port)) for protocol, port in said["listening"]))


def _targets(environment: Environment, attempts: Sequence[Attempt]) -> list[list[Any]]:
    return [[one.protocol.value, str(environment.hosts[one.destination].address), one.port] for one in attempts]


def _ask(environment: Environment, source: str, attempts: Sequence[Attempt]) -> tuple[str, Seen]:
    if source == CONTROLLER:
        output = json.dumps({"answers": wire_probe.probe(_targets(environment, attempts)), "listening": []})
        return output, parse(attempts, output)
    try:
        reached = ssh.target(environment, source)
        with ssh.connect(reached, timeout_s=_CONNECT_S, patience_s=_PATIENCE_S) as connection:
            program = script(environment, attempts)
            output = connection.run(_COMMAND, stdin=program, timeout_s=_SCRIPT_S).stdout
        return output, parse(attempts, output)
    except ssh.SshError as error:
        return "", Seen(trouble=error.found)
    except (ValueError, KeyError, TypeError) as error:
        return output, Seen(trouble=f"no readable answer: {error}")


def _said(seen: Seen, tries: int) -> str:
    return f"could not try: {seen.trouble}" if seen.trouble else f"tried {tries}"
