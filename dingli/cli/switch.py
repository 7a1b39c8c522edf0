"""Hand a cell's leadership to another site or core: preview, safety checks, yes, measured gap, evidence."""

from __future__ import annotations

import json
from typing import Annotated, Any, NoReturn

import typer

from dingli import evidence
from dingli.cell import HashState
from dingli.confirmation import confirmed
from dingli.environment import Environment, load
from dingli.exceptions import DingliError, ExitCode
from dingli.parameters import AsJson, Yes
from dingli.status import Hosts, look
from dingli.switch import Action, Decision, Outcome, Request, as_lines, decide, last_measured, perform, why_busy

app = typer.Typer()

_LOOKS = 4
_EPILOG = (
    "Examples:\n\ndingli switch alpha --to standby --reason 'maintenance of primary-1'\n\n"
    "dingli switch alpha --to primary-1/main --reason 'back home' --yes\n\n"
    "dingli switch alpha --to standby --reason 'what would it cost' --dry-run --json\n\n"
    "dingli switch alpha --to dr --accept-remote --reason 'the city is lost'"
)


@app.command(epilog=_EPILOG)
def switch(
    cell: Annotated[str, typer.Argument(metavar="CELL", help="The cell whose leadership moves.")],
    to: Annotated[str, typer.Option("--to", metavar="SITE|CORE", help="A site, or a core such as primary-1/main.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in evidence.")],
    environment: Annotated[str, typer.Option("--env", metavar="ENV", help="The environment.")] = "lab",
    accept_remote: Annotated[
        bool, typer.Option("--accept-remote", help="A core that takes over by hand only may be chosen.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, and whether it may.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Hand a cell's leadership to another site or core: preview, safety checks, yes, measured gap, evidence.

    While nobody leads, the chosen core is let take over by hand instead, after the same checks.
    Exit status: 0 done (or it may be done, or the target leads already), 1 refused or failed, 2 wrong input.
    """
    declared = load(environment)
    request = Request(cell, to, accept_remote)
    with Hosts(declared) as hosts:
        decision = _decide(declared, hosts, request, why_busy(declared))
        measured = last_measured(evidence.Store.of(declared.name), cell, decision.target)
        said: dict[str, Any] = {"reason": reason, "decision": decision.plain(), "outcome": None, "evidence": None}
        said["expected_gap_s"] = measured.gap_s if measured else None
        _tell(as_lines(decision, measured), as_json)
        if decision.refusals:
            _end("refused", said, as_json, ExitCode.FAILED)
        if decision.action is Action.NOTHING or dry_run:
            _end("nothing to do" if decision.action is Action.NOTHING else "allowed", said, as_json, ExitCode.OK)
        if not (yes or confirmed(declared)):
            _end("not confirmed", said, as_json, ExitCode.FAILED)
        try:
            outcome, folder = _do(declared, hosts, request, decision, reason, as_json)
        except DingliError as error:
            if as_json:
                typer.echo(json.dumps({"result": "failed", **said, "error": error.found}, indent=1, ensure_ascii=False))
            raise
    said |= {"outcome": outcome.plain(), "evidence": folder}
    gap = outcome.gap
    _tell(
        [
            f"gap: {gap.seconds:.3f} s without a committed entry, between {gap.before} and {gap.after} "
            f"(of {gap.entries} entries); {gap.at_change_s:.3f} s at the change itself, to {gap.first}",
            f"{outcome.leader} leads; done in {outcome.took_s:.1f} s; evidence: {folder}",
        ],
        as_json,
    )
    _end("done", said, as_json, ExitCode.OK)


def _decide(declared: Environment, hosts: Hosts, request: Request, busy: str | None) -> Decision:
    """Looks again while a target's hash has nothing to be compared with: the next entry is due within 200 ms."""
    for number in range(_LOOKS):
        decision = decide(declared, look(declared, hosts), request, busy)
        unknown = any(one.core.hash is HashState.UNKNOWN for one in decision.candidates)
        if decision.allowed or not unknown or number == _LOOKS - 1:
            break
    return decision


def _do(
    declared: Environment, hosts: Hosts, request: Request, shown: Decision, reason: str, quiet: bool
) -> tuple[Outcome, str]:
    """With the evidence's lock held, and judged once more: the yes may have taken a while."""
    with evidence.run(declared, kind="switch", title=f"{shown.action} {shown.cell} to {shown.target}: {reason}") as run:

        def say(line: str) -> None:
            run.event("step", text=line)
            _tell([f"  {line}"], quiet)

        run.event("decided", reason=reason, decision=shown.plain())
        decision = _decide(declared, hosts, Request(shown.cell, shown.target, request.accept_remote), None)
        run.event("decided-again", decision=decision.plain())
        if decision.refusals or decision.action is not shown.action:
            now = "; ".join(decision.refusals) or f"{decision.leader or 'nobody'} leads now"
            raise DingliError(f"refused: since the preview, {now}", "what the preview showed", "look again")
        outcome = perform(declared, decision, say)
        run.event("done", **outcome.plain())
        run.result = evidence.Result.PASSED
        page = _page(shown, reason, outcome)
        run.report({"cell": shown.cell, "target": shown.target, "reason": reason, **outcome.plain()}, page)
        return outcome, str(run.folder)


def _page(decision: Decision, reason: str, outcome: Outcome) -> str:
    from html import escape

    lines = [*as_lines(decision, None), f"reason: {reason}", f"gap: {outcome.gap.seconds:.3f} s", str(outcome)]
    body = "\n".join(escape(line) for line in lines)
    title = escape(f"{decision.action} of {decision.cell} to {decision.target}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><pre>{body}</pre>'
    )


def _tell(lines: list[str], quiet: bool) -> None:
    for line in () if quiet else lines:
        typer.echo(line)


def _end(result: str, said: dict[str, Any], as_json: bool, code: ExitCode) -> NoReturn:
    if as_json:
        typer.echo(json.dumps({"result": result, **said}, indent=1, ensure_ascii=False))
    elif result in ("refused", "not confirmed"):
        typer.echo(f"{result}: nothing was touched", err=True)
    raise typer.Exit(code)
