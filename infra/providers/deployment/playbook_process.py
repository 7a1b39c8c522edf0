"""The process that runs one playbook: started by the provider, one per run.

It is apart from the provider so that
- Ansible sees an allow-listed environment (its runner stores the whole environment on disk),
- nothing forks in a process full of threads,
- everything Ansible starts, in whatever session, is a descendant of this process (a subreaper) and ends with it: when
  the run is over, when the provider closes our standard input to cancel, and when the provider dies.

Standard input: one line of JSON (`Request`), then open until the run may go on no longer. Standard output: one JSON
object a line, an event or the final status.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import IO, Any

_PR_SET_CHILD_SUBREAPER = 36
_INTERRUPTED = 143


def descendants(root: int) -> set[int]:
    """Process ids below `root`, itself left out."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it has ended meanwhile
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    found: set[int] = set()
    waiting = [root]
    while waiting:
        for child in children.get(waiting.pop(), []):
            found.add(child)
            waiting.append(child)
    return found


def end_descendants() -> None:
    """Kill everything below this process until nothing is left; orphans become our children on the way."""
    while remaining := descendants(os.getpid()):
        for process in remaining:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break


class _Reporter:
    """Turns events into the few fields that are wanted; results of tasks stay here (they may be secret)."""

    def __init__(self, output: IO[str]) -> None:
        self._output = output

    def send(self, message: dict[str, Any]) -> None:
        self._output.write(json.dumps(message) + "\n")
        self._output.flush()

    def event(self, event: dict[str, Any]) -> bool:
        kind, data = event.get("event", ""), event.get("event_data", {})
        if kind == "playbook_on_stats":
            wanted = ("ok", "changed", "failures", "dark")
            self.send({"stats": {name: data.get(name, {}) for name in wanted}})
        elif kind in ("runner_on_ok", "runner_on_failed", "runner_on_unreachable", "runner_on_start"):
            result = data.get("res") or {}
            task = data.get("task", "")
            message = {
                "event": kind.removeprefix("runner_on_"),
                "host": data.get("host", ""),
                "task": f"{data['role']} : {task}" if data.get("role") and ":" not in task else task,
                "changed": bool(result.get("changed")),
            }
            if kind in ("runner_on_failed", "runner_on_unreachable") and not data.get("ignore_errors"):
                message["message"] = _reason(result)
            self.send(message)
        return False  # keep no event file


def _reason(result: dict[str, Any]) -> str:
    if "censored" in result:
        return "(hidden: the task handles a secret)"
    lines = [str(result.get(key, "")).strip() for key in ("msg", "stderr") if result.get(key)]
    failed = [str(item.get("msg", "")) for item in result.get("results", []) if item.get("failed")]
    return "; ".join([*lines, *failed])[:600]


def _first_line() -> bytes:
    """Unbuffered: the rest of standard input is the other thread's."""
    line = bytearray()
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return bytes(line)


class _Stop(threading.Thread):
    """Waits for the end of standard input; then ends everything below this process, and the process itself."""

    def __init__(self, private: Path) -> None:
        super().__init__(name="stop", daemon=True)
        self._private = private
        self.begun = threading.Event()

    def run(self) -> None:
        while os.read(0, 4096):
            continue
        self.begun.set()
        end_descendants()
        while self._private.exists():  # the runner in the other thread may still be writing its last files
            shutil.rmtree(self._private, ignore_errors=True)
        os._exit(_INTERRUPTED)


def main() -> int:
    """Run the playbook that standard input asks for."""
    output = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    request = json.loads(_first_line())
    stop = _Stop(Path(request["private_dir"]))
    stop.start()
    try:
        _run(request, _Reporter(output))
    finally:
        if stop.begun.is_set():
            stop.join()  # it ends the process when it has cleaned up
    end_descendants()
    return 0


def _run(request: dict[str, Any], reporter: _Reporter) -> None:
    import ansible_runner  # slow: a cancel must already be seen

    runner = ansible_runner.run(
        private_data_dir=request["private_dir"],
        playbook=request["playbook"],
        inventory=request["inventory"],
        cmdline=request["arguments"] or None,
        event_handler=reporter.event,
        quiet=True,
        suppress_env_files=True,
        settings={"pexpect_timeout": 1, "pexpect_use_poll": True},
    )
    tail = runner.stdout.read()[-1500:] if runner.status != "successful" else ""
    reporter.send({"status": runner.status, "tail": tail})


if __name__ == "__main__":
    sys.exit(main())
