"""Search the logs of all hosts, in one place and in the order of time."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from dingli import evidence
from dingli.environment import Environment, load
from dingli.evidence.store import Store
from dingli.exceptions import ExitCode
from dingli.logs import show
from dingli.logs.query import Wish, question
from dingli.logs.remote import ask, host_of_logs, told
from dingli.logs.verification import findings
from dingli.parameters import EnvironmentName

app = typer.Typer()

_EXAMPLES = [
    "dingli logs lab --since 10m --priority warning",
    "dingli logs lab --host primary-1 --service core --follow",
    "dingli logs lab --service sudo --since 2026-11-20 --until 2026-11-21 -n 0 --json",
    "dingli logs lab --cell alpha --grep 'epoch [0-9]+'",
    "dingli logs lab --status",
    "dingli logs lab --verify",
]
_LEDGER, _FIRST_LEDGER = "ledger.jsonl", "first-ledger.jsonl"


@app.command(epilog="Examples:\n\n" + "\n\n".join(_EXAMPLES))
def logs(
    environment: EnvironmentName,
    host: Annotated[list[str] | None, typer.Option(help="Only this host (repeat for more).")] = None,
    service: Annotated[
        list[str] | None, typer.Option(help="core, gateway, etcd, sudo, sshd …: a unit, or the name in the line.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="10m, 2h, 3d (ago), or a time, UTC. Default: an hour.")] = None,
    until: Annotated[str | None, typer.Option(help="The same; lines before it.")] = None,
    grep: Annotated[str | None, typer.Option(metavar="RE", help="Only messages in which this is found.")] = None,
    priority: Annotated[str | None, typer.Option(help="err: that, and what is more severe.")] = None,
    cell: Annotated[list[str] | None, typer.Option(help="Only programs of this cell (repeat for more).")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what arrives, until Ctrl-C.")] = False,
    last: Annotated[int, typer.Option("-n", metavar="N", help="At most the last N lines; 0 for all.")] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for another program.")] = False,
    status: Annotated[bool, typer.Option("--status", help="Say what has arrived from whom, instead.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare closed days with their sums, instead; leaves evidence.")
    ] = False,
    replaced: Annotated[
        bool, typer.Option("--replaced", help="With --verify: the logs' host was replaced, its ledger begins anew.")
    ] = False,
) -> None:
    """Search the logs of all hosts, in one place and in the order of time.

    Hosts send what they log to the ops site within a second. Times are UTC.

    Exit status: 0 done, 1 the logs could not be searched or are not what they were, 2 wrong usage.
    """
    declared = load(environment)
    if status:
        _status(declared, as_json)
    elif verify:
        _verify(declared, replaced, as_json)
    else:
        wish = Wish(host or (), service or (), cell or (), since, until, grep, priority, last, follow)
        _search(declared, wish, as_json)


def _search(environment: Environment, wish: Wish, as_json: bool) -> None:
    shown = 0
    with ask(environment, question(environment, wish, datetime.now(UTC))) as answer:
        try:
            for record in answer:
                typer.echo(show.as_json(record) if as_json else show.as_text(record))
                shown += 1
        except KeyboardInterrupt:
            if not wish.follow:
                raise
            return
    left_out = answer.end["left_out"] if answer.end else 0
    if left_out:
        typer.echo(f"the last {shown} lines; {left_out} earlier ones were left out (-n 0 for all)", err=True)
    elif not shown and sys.stderr.isatty():
        typer.echo(f"nothing found on {', '.join(answer.end['hosts']) if answer.end else 'any host'}", err=True)


def _status(environment: Environment, as_json: bool) -> None:
    text = told(environment, "status")
    for line in [text.rstrip()] if as_json else show.status_as_text(json.loads(text)):
        typer.echo(line)


def _verify(environment: Environment, replaced: bool, as_json: bool) -> None:
    """The ledger goes into the evidence: from then on its witnesses vouch for it, and nobody can write it anew."""
    earlier = [] if replaced else _seen_earlier(Store.of(environment.name))
    host = host_of_logs(environment)
    with evidence.run(environment, kind="logs", title=f"closed days of the logs on {host}") as kept:
        ledger, sums = told(environment, "ledger"), json.loads(told(environment, "sums"))
        kept.add_raw(_FIRST_LEDGER if replaced else _LEDGER, ledger)
        found = findings(ledger, sums, earlier)
        kept.event("compared", files=len(sums), earlier=len(earlier), findings=found)
        kept.result = evidence.Result.FAILED if found else evidence.Result.PASSED
    if as_json:
        typer.echo(json.dumps({"files": len(sums), "findings": found}))
    else:
        for finding in found:
            typer.echo(finding)
        typer.echo(f"{len(sums)} closed days: " + (f"{len(found)} findings" if found else "as they were"))
    if found:
        raise typer.Exit(ExitCode.FAILED)


def _seen_earlier(store: Store) -> list[str]:
    """The ledgers that earlier comparisons took away, since the host of the logs was replaced."""
    seen: list[str] = []
    for folder in store.folders():
        first, usual = folder.path / "raw" / _FIRST_LEDGER, folder.path / "raw" / _LEDGER
        if folder.kind == "logs" and first.is_file():
            seen = [first.read_text(encoding="utf-8")]
        elif folder.kind == "logs" and usual.is_file():
            seen.append(usual.read_text(encoding="utf-8"))
    return seen
