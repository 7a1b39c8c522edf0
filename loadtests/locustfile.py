"""Members that trade: `locust -f loadtests/locustfile.py --headless --load-config FILE --rate 500 -u 8 -t 60s`.

Each user is one FIX session; it sends limit orders around a middle price, a few market orders, and cancels. With
`--record FOLDER` everything a
session sends and receives is written there for the checker; at the end each session is brought to rest first.
"""

from __future__ import annotations

import json
import random
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from locust import User, events, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.config import Instrument, LoadConfig
from loadtests.recorder import Recorder
from loadtests.session import FixSession, Member, State
from loadtests.wire import Fields

RESOLVE_S: Final = 60.0
DEPTH_TICKS: Final = 20


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--load-config", required=True, help="/etc/dingli/load-CELL.json: gateways, sessions and passwords"
    )
    parser.add_argument("--rate", type=float, default=100.0, help="orders a second, all users together")
    parser.add_argument("--record", default="", help="folder for the records that the checker reads")
    parser.add_argument("--seed", type=int, default=1, help="orders follow from it")


class FixUser(User):
    """One member session: as open a loop as one thread can have, on the schedule that --rate gives."""

    taken = 0
    live: Final[list[FixUser]] = []

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        options: Any = environment.parsed_options
        self.config = LoadConfig.read(Path(options.load_config))
        names = self.config.members()
        index = FixUser.taken
        FixUser.taken += 1
        if index >= len(names):
            raise StopUser(f"{index + 1} users asked for, {len(names)} member sessions declared")
        self.name = names[index]
        self.random = random.Random(f"{options.seed}/{self.name}")  # noqa: S311 (orders, not secrets)
        self.interval_s = max(1, min(options.num_users, len(names))) / options.rate
        record = Path(options.record) / f"{self.name}.jsonl" if options.record else None
        self.recorder = Recorder(record)
        member = Member(self.name, self.config.passwords[self.name], self.config.cell)
        gateways = self.config.gateways[index % len(self.config.gateways) :] + self.config.gateways
        self.session = FixSession(
            member, gateways[: len(self.config.gateways)], self.config.tls(), self.recorder, self.answered
        )
        self.waiting: dict[str, float] = {}
        self.open: dict[str, tuple[str, str]] = {}
        self.count = 0
        self.run_id = f"{time.time_ns() // 1_000_000 % 10**10:x}"
        self.due = time.monotonic()

    def on_start(self) -> None:
        """Logs on."""
        FixUser.live.append(self)
        self.session.start()
        self.session.wait_for(lambda: self.session.state is State.UP, 30.0)
        self.due = time.monotonic()

    @task
    def trade(self) -> None:
        """One order or cancel at its scheduled time; latency counts from that time, not from the send."""
        time.sleep(max(0.0, self.due - time.monotonic()))
        if self.open and self.random.random() < 0.25:
            self._cancel()
        else:
            self._order()
        self.due += self.interval_s

    def _next_id(self) -> str:
        self.count += 1
        cl_ord_id = f"{self.name}-{self.run_id}-{self.count}"
        self.waiting[cl_ord_id] = self.due
        return cl_ord_id

    def _order(self) -> None:
        instrument = self.random.choice(self.config.instruments)
        side, quantity = self.random.choice("12"), str(self.random.randint(1, 20))
        fields: Fields = [
            (11, self._next_id()),
            (21, "1"),
            (55, instrument.symbol),
            (54, side),
            (60, _now()),
            (38, quantity),
        ]
        if self.random.random() < 0.05:
            fields += [(40, "1")]
        else:
            fields += [(40, "2"), (44, self._price(instrument)), (59, "0")]
            self.open[fields[0][1]] = (instrument.symbol, side)
        self.session.send("D", fields)

    def _price(self, instrument: Instrument) -> str:
        middle = (instrument.min_price + instrument.max_price) // 2 // instrument.tick
        units = (middle + self.random.randint(-DEPTH_TICKS, DEPTH_TICKS)) * instrument.tick
        return f"{units // 10_000}.{units % 10_000:04d}".rstrip("0").rstrip(".")

    def _cancel(self) -> None:
        orig = next(iter(self.open))
        symbol, side = self.open.pop(orig)
        self.session.send(
            "F", [(41, orig), (11, self._next_id()), (55, symbol), (54, side), (60, _now())]
        )  # fmt: skip

    def answered(self, tags: dict[int, str]) -> None:
        """Tells Locust of the first answer to each order or cancel."""
        cl_ord_id = tags.get(11, "")
        if tags.get(39) in ("2", "4", "8"):
            self.open.pop(tags.get(41) or cl_ord_id, None)
        scheduled = self.waiting.pop(cl_ord_id, None)
        if scheduled is None:
            return
        kind = {"8": "order", "9": "cancel refused", "j": "business reject", "3": "reject"}[tags[35]]
        if tags.get(150) == "4" and 41 in tags:
            kind = "cancel"
        elapsed_ms = (time.monotonic() - scheduled) * 1000
        refused = tags.get(150) == "8" or tags[35] in ("j", "3")
        problem = RuntimeError(f"{tags[35]}: {tags.get(58, '')}") if refused else None
        self.environment.events.request.fire(
            request_type="FIX", name=kind, response_time=elapsed_ms, response_length=0, exception=problem, context={}
        )

    def settle(self) -> bool:
        """Whether all that this session sent is answered: after all sessions settled, none can be filled any more."""
        return self.session.resolve(RESOLVE_S, note=False)

    def finish(self) -> bool:
        """Brings the session to rest, writes the footer; whether it was at rest."""
        resolved = self.session.resolve(RESOLVE_S)
        self.session.stop()
        self.recorder.close()
        return resolved


@events.test_stop.add_listener
def _resolve(environment: Environment, **_: Any) -> None:
    import gevent

    users, FixUser.live[:] = list(FixUser.live), []
    gevent.joinall([gevent.spawn(user.settle) for user in users], timeout=RESOLVE_S + 30)
    jobs = [gevent.spawn(user.finish) for user in users]
    gevent.joinall(jobs, timeout=RESOLVE_S + 30)
    unresolved = [user.name for user, job in zip(users, jobs, strict=True) if not job.value]
    unanswered = sum(len(user.waiting) for user in users)
    print(json.dumps({"sessions": len(users), "unresolved": unresolved, "unanswered": unanswered}), flush=True)
    if unresolved:
        environment.process_exit_code = 1


def _now() -> str:
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime())
