"""`dingli up`: the stacks, then the gate, recorded as evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dingli import evidence
from dingli.controller.export import CarriedAway, carry_away
from dingli.environment import Environment, state_dir
from dingli.gate import CHECKS, Finding, State, run_checks
from dingli.pki import Places, initialise
from dingli.stacks.engine import Engine
from dingli.stacks.events import Message, StackOutcome
from dingli.stacks.operation import Choice, operate
from dingli.stacks.screen import Screen

__all__ = ["UpResult", "bring_up"]


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
    """Run the stacks, then the gate if all of them were asked for and are done."""
    stacks = choice.of(environment)
    initialise(Places.of(environment.name, state_dir(environment.name)))
    with evidence.run(
        environment, kind="up", title=f"up {environment.name}: {', '.join(s.site for s in stacks)}"
    ) as run:

        def show(site: str, message: Message) -> None:
            screen.show(site, message)
            if not message.passing:
                run.event("message", site=site, text=message.text, error=message.error)

        engine = Engine(environment, show)
        arguments = ["--yes", "--skip-preview"]
        arguments += ["--refresh"] if choice.refresh else []
        arguments += ["--continue-on-error"] if choice.continue_on_error else []
        result = UpResult(operate(stacks, engine, screen, choice, "up", arguments), evidence=str(run.folder))
        for name, site in result.sites.items():
            run.event("site", site=name, **site.plain())
        if result.ok and not choice.sites:
            for name, finding in run_checks(environment, CHECKS):
                result.gate[name] = finding
                text = f"gate: {name}: {finding.state.value}: {finding.text} ({finding.seconds:.1f} s)"
                screen.say(text, error=finding.state is not State.PASSED)
                run.event("gate", check=name, state=finding.state.value, text=finding.text)
        run.result = evidence.Result.PASSED if result.ok else evidence.Result.FAILED
    if result.ok:  # after the run is closed: its head is part of what the next controller needs
        result.controller = carry_away(environment, screen.say)
    screen.say(f"{'up' if result.ok else 'NOT up'}; evidence: {result.evidence}", error=not result.ok)
    return result
