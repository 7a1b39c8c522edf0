"""Starting the Pulumi engine for one stack and following it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dingli.environment import Environment, project_root
from dingli.environment.readiness import CALLED
from dingli.exceptions import DingliError, SetupError
from dingli.rollout import Stage
from dingli.setup.shell import engine_environment
from dingli.stacks.backend import Backend, backend_at, checkpoint_key
from dingli.stacks.events import Message, StackOutcome, fold
from dingli.stacks.locks import has_pending_operations, remove_stale
from dingli.stacks.names import StackName

__all__ = ["Engine"]

_QUIET = ("--non-interactive", "--color", "never", "--logtostderr=false")
_POLICIES = Path(__file__).resolve().parents[2] / "infra" / "policies"
_POLICY_OPTIONS = "PULUMI_OPTION_POLICY"  # would run the policies twice, or switch them off
_JUDGED = ("up", "preview")  # a refresh and a destroy declare nothing, and take no policies


class Engine:
    """One per command. `interrupt` reaches every engine process that it has started."""

    def __init__(self, environment: Environment, show: Callable[[str, Message], None]) -> None:
        self._show = show
        declared = environment.state.backend if environment.state else None
        makes_machines = any(site.made for site in environment.sites.values())
        found = engine_environment(project_root(), declared, makes_machines=makes_machines)
        chosen = {name: value for name, value in found.items() if not name.startswith(_POLICY_OPTIONS)}
        self._environment = {**chosen, "PULUMI_DEBUG_COMMANDS": "1"}  # event log
        self._backend = backend_at(self._environment["PULUMI_BACKEND_URL"])
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self.interrupted = 0
        self.stage = Stage()
        """What providers are told of a roll-out."""
        self.called: tuple[str, ...] | None = None
        """Sites on demand that the program takes for called, whichever are; None: those that are."""

    @property
    def backend(self) -> Backend:
        """Where the state is."""
        return self._backend

    @property
    def passphrase_file(self) -> Path:
        """What opens the secrets in the state."""
        return Path(self._environment["PULUMI_CONFIG_PASSPHRASE_FILE"])

    def interrupt(self) -> None:
        """Like Ctrl-C on each engine: the first lets them record what was reached, the second does not wait."""
        self.interrupted += 1
        with self._lock:
            for process in self._running:
                process.send_signal(signal.SIGINT)

    def run(self, name: StackName, verb: str, *arguments: str) -> StackOutcome:
        """`pulumi <verb>` on a stack. Never raises for what happens on hosts: the outcome says it."""
        outcome = StackOutcome(name.site)
        began = time.monotonic()
        try:
            self._prepare(name, verb, outcome)
            outcome.ok = not self.interrupted and self._follow(name, verb, arguments, outcome)
        except DingliError as error:
            outcome.errors.append(str(error))
            self._show(name.site, Message(str(error), error=True))
        outcome.seconds = time.monotonic() - began
        return outcome

    def exists(self, name: StackName) -> bool:
        """True if the backend has the stack."""
        return self.backend.read(checkpoint_key(str(name))) is not None

    def output(self, *arguments: str) -> str:
        """Standard output of a quick engine command. Raises `DingliError` if it fails."""
        result = subprocess.run(
            [self._program(), *arguments], env=self._environment, cwd=project_root(), capture_output=True, text=True
        )
        if result.returncode != 0:
            said = self._explained((result.stderr or result.stdout).strip())
            raise DingliError(f"`pulumi {' '.join(arguments)}` failed: {said}")
        return result.stdout

    def _program(self) -> str:
        program = shutil.which("pulumi", path=self._environment["PATH"])
        if program is None:
            raise SetupError("no `pulumi` on PATH", "the engine", "run `make setup`")
        return program

    def _explained(self, said: str) -> str:
        """What the engine said; of a passphrase that is another controller's, what it means here."""
        if "incorrect passphrase" not in said:
            return said
        return str(
            DingliError(
                f"the passphrase in {self.passphrase_file} does not open the state at {self.backend.url}",
                "the passphrase of the controller that made the state",
                "bring it here with `dingli controller import`, or name its file in PULUMI_CONFIG_PASSPHRASE_FILE",
            )
        )

    def _prepare(self, name: StackName, verb: str, outcome: StackOutcome) -> None:
        """Make the stack if need be; repair what a killed engine left, so that nothing half-changed counts as done."""
        self.backend.require()
        exists = self.exists(name)
        if not exists or not (project_root() / "stacks" / f"Pulumi.{name}.yaml").exists():
            known = ["select"] if exists else ["select", "--create"]
            self.output("stack", *known, str(name), "--non-interactive")
        stale = remove_stale(self.backend, str(name))
        if verb == "preview" or not (stale or has_pending_operations(self.backend, str(name))):
            return
        self._show(name.site, Message("an earlier run was killed; looking at what it left"))
        self._follow(name, "refresh", ("--yes", "--skip-preview", "--clear-pending-creates"), outcome)
        outcome.changes, outcome.messages = {}, []

    def _follow(self, name: StackName, verb: str, arguments: Sequence[str], outcome: StackOutcome) -> bool:
        with tempfile.TemporaryDirectory(prefix="dingli-events-") as folder:
            log = Path(folder) / "events"
            log.touch()
            policies = ["--policy-pack", str(_POLICIES)] if verb in _JUDGED else []
            command = [self._program(), verb, "-s", str(name), *_QUIET, *policies, "--event-log", str(log), *arguments]
            with (Path(folder) / "output").open("w+") as output:
                process = subprocess.Popen(
                    command,
                    env={**self._environment, **self.stage.variables(), **self._calls()},
                    cwd=project_root(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    text=True,
                    process_group=0,  # Ctrl-C comes through `interrupt`, once
                )
                with self._lock:
                    self._running.add(process)
                self._read(log, process, name.site, outcome)
                with self._lock:
                    self._running.discard(process)
                if process.returncode != 0 and not outcome.errors:
                    output.seek(0)
                    said = self._explained(output.read().strip()[-2000:])
                    outcome.errors.append(said or f"status {process.returncode}")
                    self._show(name.site, Message(outcome.errors[-1], error=True))
        return process.returncode == 0

    def _calls(self) -> dict[str, str]:
        return {} if self.called is None else {CALLED: " ".join(self.called)}

    def _read(self, log: Path, process: subprocess.Popen[str], site: str, outcome: StackOutcome) -> None:
        """Show events as they come, until the process has ended and all are read."""
        rest = ""
        with log.open() as events:
            while True:
                ended = process.poll() is not None
                rest += events.read()
                *lines, rest = rest.split("\n")
                for line in filter(None, lines):
                    message = fold(line, outcome)
                    if message is not None:
                        self._show(site, message)
                if ended:
                    return
                try:
                    process.wait(0.1)
                except subprocess.TimeoutExpired:
                    continue
