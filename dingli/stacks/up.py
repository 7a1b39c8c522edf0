"""`dingli up`: the stacks, then the gate, recorded as evidence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dingli import evidence
from dingli.confirmation import confirmed
from dingli.controller.export import CarriedAway, carry_away
from dingli.environment import Environment, EnvironmentKind, state_dir
from dingli.environment.readiness import record_call, standing
from dingli.exceptions import DingliError
from dingli.gate import CHECKS, Finding, State, run_checks
from dingli.pki import Places, initialise
from dingli.stacks.calling import going, require_led_elsewhere, sites_to_call
from dingli.stacks.engine import Engine
from dingli.stacks.events import Message, StackOutcome
from dingli.stacks.names import StackName
from dingli.stacks.operation import Choice, operate
from dingli.stacks.screen import Screen
from lab.golden.used import images_of

__all__ = ["UpResult", "bring_up", "roll_out"]


@dataclass
class UpResult:
    """What became of the sites, of the gate (empty if it was not asked), and of the controller's copies elsewhere."""

    sites: dict[str, StackOutcome]
    gate: dict[str, Finding] = field(default_factory=dict)
    evidence: str = ""
    controller: CarriedAway | None = None

    @property
    def ok(self) -> bool:
        """True if every site and every check passed."""
        return all(site.ok for site in self.sites.values()) and all(
            finding.state is State.PASSED for finding in self.gate.values()
        )

    def plain(self) -> dict[str, Any]:
        """For `--json` and evidence."""
        gate = {
            name: {"state": finding.state.value, "text": finding.text, "seconds": round(finding.seconds, 1)}
            for name, finding in self.gate.items()
        }
        sites = {name: site.plain() for name, site in self.sites.items()}
        controller = self.controller.plain() if self.controller else None
        return {"ok": self.ok, "sites": sites, "gate": gate, "evidence": self.evidence, "controller": controller}


def bring_up(environment: Environment, choice: Choice, screen: Screen) -> UpResult:
    """Run the stacks, then the gate if all of them were asked for and are done.

    Sites on demand are called, or sent back, first: whoever asks meanwhile is told what is becoming of them.
    """
    called = sites_to_call(environment, choice)
    stacks, before = choice.of(environment), environment
    environment = standing(before, called)
    _may_go(before, environment, stacks, choice, screen)
    initialise(Places.of(environment.name, state_dir(environment.name)))
    with evidence.run(
        environment, kind="up", title=f"up {environment.name}: {', '.join(s.site for s in stacks)}"
    ) as run:
        for image in images_of(environment):
            run.event("image", image=image.name, hosts=image.hosts)
            run.add_raw(f"images/{image.name}.json", image.record)

        def show(site: str, message: Message) -> None:
            screen.show(site, message)
            if not message.passing:
                run.event("message", site=site, text=message.text, error=message.error)

        engine = Engine(environment, show)

        def say(text: str, error: bool = False) -> None:
            screen.say(text, error=error)
            run.event("message", site="", text=text, error=error)

        record_call(environment.name, called)
        if called:
            say(f"called, until the next `dingli up {environment.name}` that does not: {', '.join(called)}")
        sites = roll_out(environment, stacks, engine, screen, choice, say)
        result = UpResult(sites, evidence=str(run.folder))
        for name, site in result.sites.items():
            run.event("site", site=name, **site.plain())
        if result.ok and not choice.sites:
            _gate(environment, result, screen, run)
        run.result = evidence.Result.PASSED if result.ok else evidence.Result.FAILED
    if result.ok:  # after the run is closed: its head is part of what the next controller needs
        result.controller = carry_away(environment, screen.say)
    screen.say(f"{'up' if result.ok else 'NOT up'}; evidence: {result.evidence}", error=not result.ok)
    return result


def _gate(environment: Environment, result: UpResult, screen: Screen, run: evidence.Run) -> None:
    for name, finding in run_checks(environment, CHECKS):
        result.gate[name] = finding
        text = f"gate: {name}: {finding.state.value}: {finding.text} ({finding.seconds:.1f} s)"
        screen.say(text, error=finding.state is not State.PASSED)
        run.event("gate", check=name, state=finding.state.value, text=finding.text)


def _may_go(
    before: Environment, wanted: Environment, stacks: Sequence[StackName], choice: Choice, screen: Screen
) -> None:
    """Says which instances go; on production somebody has to agree."""
    removed = going(wanted, stacks, Engine(wanted, screen.show).backend)
    if not removed:
        return
    screen.say(f"taken away with their disks, since nothing asks for them any more: {', '.join(removed)}")
    require_led_elsewhere(before, removed)
    if wanted.kind is EnvironmentKind.PRODUCTION and not choice.may_remove and not confirmed(wanted):
        raise DingliError("no confirmation", repr(wanted.name), "nothing was changed; `--call SITE` keeps a site")


def roll_out(
    environment: Environment,
    stacks: Sequence[StackName],
    engine: Engine,
    screen: Screen,
    choice: Choice,
    say: Callable[..., None],
) -> dict[str, StackOutcome]:
    """All stacks; before them, if hosts of several sites are changed alike, the canaries among those hosts."""
    from dingli.stacks.canaries import across_sites  # the engine's library takes long to load: not for `--help`

    if len(stacks) > 1:
        engine.backend.require()
    planned = across_sites(environment, stacks, engine.backend) if len(stacks) > 1 else None
    if planned is None:
        return operate(stacks, engine, screen, choice, "up", _arguments(choice))
    say(f"canaries: {planned.text}")
    engine.stage = planned.first
    # One site at a time: two members of the journal, changed by the same mistake at once, would stop every cell.
    alone = replace(choice, refresh=False, continue_on_error=False, parallel=1)
    leading = [stack for stack in stacks if stack.site in planned.sites]
    first = operate(leading, engine, screen, alone, "up", _arguments(alone))
    if not all(outcome.ok for outcome in first.values()):
        say("a site with canaries is not up: the roll-out stops, no other host is touched", error=True)
        held = "not begun: a site with canaries failed"
        return {stack.site: first.get(stack.site) or StackOutcome(stack.site, errors=[held]) for stack in stacks}
    say("canaries are well: the other hosts follow")
    engine.stage = planned.then
    rest = operate(stacks, engine, screen, choice, "up", _arguments(choice))
    return {site: first[site].followed_by(later) if site in first else later for site, later in rest.items()}


def _arguments(choice: Choice) -> list[str]:
    arguments = ["--yes", "--skip-preview"]
    arguments += ["--refresh"] if choice.refresh else []
    return arguments + (["--continue-on-error"] if choice.continue_on_error else [])
