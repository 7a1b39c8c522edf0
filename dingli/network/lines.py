"""The state of encrypted lines between sites, as their gateways see them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dingli import ssh
from dingli.environment import Environment
from dingli.environment.lines import SiteLine, ipsec_gateways, site_lines
from dingli.exceptions import ExitCode

__all__ = ["LineState", "SeenLine", "ask_lines", "exit_code", "judge_lines"]

_CONNECT_S, _PATIENCE_S, _ANSWER_S, _MOST_AT_ONCE = 5, 10, 20, 64
_COMMAND = "sudo -n /usr/local/libexec/dingli/line-state"


class LineState(StrEnum):
    """Of a line, from what both of its gateways say."""

    UP = "up"
    DOWN = "down"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True)
class SeenLine:
    """A line and what is to be said of it."""

    line: SiteLine
    state: LineState
    text: str = ""

    def plain(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.line.name,
            "rank": self.line.rank,
            "ends": [
                {"site": end.site, "host": end.host, "address": str(end.address), "protects": str(end.network)}
                for end in self.line.ends
            ],
            "state": self.state.name.lower(),
            "text": self.text,
        }


def ask_lines(environment: Environment) -> tuple[SeenLine, ...]:
    """Every line; all gateways are asked at once. One that cannot be asked is a finding, not an error."""
    gateways = ipsec_gateways(environment)
    if not gateways:
        return ()
    with ThreadPoolExecutor(_MOST_AT_ONCE) as executor:
        said = dict(zip(gateways, executor.map(lambda host: _ask(environment, host), gateways), strict=True))
    return judge_lines(site_lines(environment), said)


def judge_lines(lines: Sequence[SiteLine], said: Mapping[str, Mapping[str, bool | None] | str]) -> tuple[SeenLine, ...]:
    """`said` by gateway: its lines, with None for what strongSwan did not say; or why it could not be asked."""
    return tuple(_judge(line, said) for line in lines)


def exit_code(lines: Sequence[SeenLine]) -> ExitCode:
    """1 if a line is down; 3 if none is, but of one it could not be told."""
    states = {one.state for one in lines}
    if LineState.DOWN in states:
        return ExitCode.FAILED
    return ExitCode.UNKNOWN if LineState.UNKNOWN in states else ExitCode.OK


def _judge(line: SiteLine, said: Mapping[str, Mapping[str, bool | None] | str]) -> SeenLine:
    """Up is what no gateway denies and one confirms: a line whose other gateway cannot be asked still carries."""
    up: list[str] = []
    down: list[str] = []
    troubles: list[str] = []
    for end in line.ends:
        heard = said.get(end.host, "was not asked")
        if isinstance(heard, str):
            troubles.append(f"{end.host}: {heard}")
            continue
        state = heard.get(line.name)
        if state is None:
            known = "strongSwan does not answer" if line.name in heard else "does not know this line yet: dingli up"
            troubles.append(f"{end.host}: {known}")
        else:
            (up if state else down).append(end.host)
    if down:
        return SeenLine(line, LineState.DOWN, f"down, says {' and '.join(down)}")
    return SeenLine(line, LineState.UP if up else LineState.UNKNOWN, "; ".join(troubles))


def _ask(environment: Environment, host: str) -> Mapping[str, bool | None] | str:
    try:
        reached = ssh.target(environment, host)
        with ssh.connect(reached, timeout_s=_CONNECT_S, patience_s=_PATIENCE_S) as connection:
            output = connection.run(_COMMAND, timeout_s=_ANSWER_S).stdout
        return {str(one["name"]): one["up"] for one in json.loads(output)}
    except ssh.SshError as error:
        return error.found
    except (ValueError, KeyError, TypeError) as error:
        return f"no readable answer: {error}"
