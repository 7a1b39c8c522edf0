"""The open-loop probe: `python -m loadtests.probe --config FILE --seconds 60 --rate 100 --out FILE`.

One session on every gateway sends orders on a fixed schedule whatever the answers do; latency counts from the
scheduled time, so that a stall is seen by every order that
should have gone out meanwhile. The orders can never trade (they buy at the lowest price, immediate or cancel). An
ExecID says under which epoch an order was committed.

Output: JSON lines {"gateway", "due_ns", "acked_ns"|null, "epoch"|null, "cl_ord_id"}, times of CLOCK_MONOTONIC,
after a first line {"wall_ns", "monotonic_ns"} that ties that clock to the calendar.
"""

from gevent import monkey

monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import signal  # noqa: E402
import time  # noqa: E402
from dataclasses import dataclass, field  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import IO  # noqa: E402

import gevent  # noqa: E402

from loadtests.config import Gateway, LoadConfig  # noqa: E402
from loadtests.recorder import Recorder  # noqa: E402
from loadtests.session import FixSession, Member, State  # noqa: E402


@dataclass
class Probe:
    """One session bound to one gateway."""

    config: LoadConfig
    gateway: Gateway
    name: str
    out: IO[str]
    recorder: Recorder
    waiting: dict[str, int] = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        member = Member(self.name, self.config.passwords[self.name], self.config.cell, heartbeat_s=1, reconnect_s=0.2)
        self.session = FixSession(member, [self.gateway], self.config.tls(), self.recorder, self.answered)
        self.run_id = f"{time.time_ns() // 1_000_000 % 10**10:x}"

    def write(self, cl_ord_id: str, due_ns: int, acked_ns: int | None, epoch: int | None) -> None:
        """One line of the output."""
        line = {
            "gateway": self.gateway.name,
            "cl_ord_id": cl_ord_id,
            "due_ns": due_ns,
            "acked_ns": acked_ns,
            "epoch": epoch,
        }
        self.out.write(json.dumps(line) + "\n")

    def answered(self, tags: dict[int, str]) -> None:
        """The first report of an order ends its wait."""
        due_ns = self.waiting.pop(tags.get(11, ""), None)
        if due_ns is not None and 17 in tags:
            self.write(tags[11], due_ns, time.monotonic_ns(), int(tags[17].split(".")[1]))

    def run(self, interval_ns: int, end_ns: int) -> None:
        """Sends on schedule until the end; an order that cannot be sent because the session is down counts as
        unanswered.
        """
        self.session.start()
        self.session.wait_for(lambda: self.session.state is State.UP, 15.0)
        due_ns = time.monotonic_ns()
        while due_ns < end_ns:
            gevent.sleep(max(0.0, (due_ns - time.monotonic_ns()) / 1e9))
            self.count += 1
            cl_ord_id = f"{self.name}-{self.run_id}-{self.count}"
            if self.session.state is State.UP:
                self.waiting[cl_ord_id] = due_ns
                gevent.spawn(self.send, cl_ord_id)
            else:
                self.write(cl_ord_id, due_ns, None, None)
            due_ns += interval_ns

    def send(self, cl_ord_id: str) -> None:
        """One order that cannot trade."""
        self.session.send("D", self.config.order_that_cannot_trade(cl_ord_id))

    def finish(self) -> bool:
        """Ends the session in order; what was never answered is written as such."""
        resolved = self.session.resolve(60.0)
        self.session.stop()
        for cl_ord_id, due_ns in self.waiting.items():
            self.write(cl_ord_id, due_ns, None, None)
        return resolved


def main() -> None:
    """Runs all probes of the configuration, one for each gateway."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--config", type=Path, required=True, help="/etc/dingli/load-CELL.json")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=100.0, help="orders a second, all gateways together")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--record", type=Path, help="folder for the record that the checker reads")
    options = parser.parse_args()
    config = LoadConfig.read(options.config)
    with options.out.open("x", buffering=1) as out:
        out.write(json.dumps({"wall_ns": time.time_ns(), "monotonic_ns": time.monotonic_ns()}) + "\n")
        probes = [
            Probe(config, gateway, name, out, Recorder(options.record / f"{name}.jsonl" if options.record else None))
            for gateway, name in zip(config.gateways, config.probes(), strict=False)
        ]
        interval_ns = int(1e9 * len(probes) / options.rate)
        end_ns = time.monotonic_ns() + int(options.seconds * 1e9)
        jobs = [gevent.spawn(probe.run, interval_ns, end_ns) for probe in probes]
        for number in (signal.SIGINT, signal.SIGTERM):
            gevent.signal_handler(number, gevent.killall, jobs, block=False)
        gevent.joinall(jobs)
        endings = [gevent.spawn(probe.finish) for probe in probes]
        gevent.joinall(endings)
        for probe in probes:
            probe.recorder.close()
    raise SystemExit(0 if all(job.value for job in endings) else 1)


if __name__ == "__main__":
    main()
