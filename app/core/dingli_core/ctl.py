"""`python3 -m dingli_core.ctl --config FILE COMMAND`: what an operator, a drill or the checker asks of a cell."""

import argparse
import asyncio
import base64
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
from dingli_etcd import Client, EtcdError
from dingli_etcd.operations import delete, get, is_absent, mod_revision_is, put

from dingli_core.config import Config, load
from dingli_core.core import etcd_client
from dingli_core.entry import decode_entry
from dingli_core.exceptions import CoreError
from dingli_core.keys import Keys, escaped
from dingli_core.loading import load_segments
from dingli_core.reading import log_number
from dingli_core.trimming import Trim, trim
from dingli_core.view import CellView

__all__ = ["main"]

PAGE_ENTRIES = 500
DUMP_TIMEOUT_S = 10.0
CALL_TIMEOUT_S = 3.0


class RefusedError(Exception):
    """What was asked cannot be done now; says why."""


class Operator:
    """One operator's look at one cell, and the few things to be done there."""

    def __init__(self, config: Config, client: Client, options: argparse.Namespace) -> None:
        self._config = config
        self._client = client
        self._options = options
        self._keys = Keys(config.cell)
        self._view = CellView(client, self._keys)

    async def status(self) -> None:
        """Prints one JSON object: leader, policy, cores, and whatever stands in the way."""
        await self._view.poll()
        leader, policy, handover = self._view.leader(), self._view.policy(), self._view.handover()
        cores = {status.core: json.loads(key.value) for status, key in self._view.statuses()}
        switch = self._view.switch()
        known = set(cores) | {core.id for core in self._config.cores} | set(policy.cores if policy else ())
        found = {
            "cell": self._config.cell,
            "leader": None
            if leader is None
            else {"core": leader.core, "epoch": leader.epoch, "address": leader.address},
            "policy_revision": None if policy is None else policy.revision,
            "handover": None if handover is None else handover[0],
            "switch": None if switch is None else switch[0],
            "halted": self._view.halted(),
            "halt": self._view.halt(),
            "unreadable_keys": self._view.unreadable,
            "quarantined": sorted(core for core in known if self._view.quarantined(core)),
            "cores": cores,
            "claims": await self._claims({core: int(status.get("head", 0)) for core, status in cores.items()}),
        }
        print(json.dumps(found, sort_keys=True))

    async def _claims(self, heads: dict[str, int]) -> dict[str, str]:
        """By core: the hash that the journal states for its head, in the entry that follows it (if there is one).

        Statuses are written at different moments, so their hashes can seldom be compared with one another.
        """
        if not heads:
            return {}
        response = await self._client.read_txn([get(self._keys.log(head + 1)) for head in heads.values()])
        found = {}
        for core, part in zip(heads, response.responses, strict=True):
            for kv in part.response_range.kvs:
                entry = decode_entry(kv.value)
                disputed = self._view.disputed_from(entry.epoch)
                if disputed is None or entry.n < disputed:
                    found[core] = entry.previous_hash.hex()
        return found

    async def policy(self) -> None:
        """Puts the policy that the configuration states, unless a newer one stands."""
        await self._view.poll()
        present = self._view.policy()
        if present is not None and present.revision >= self._config.revision:
            print(f"unchanged: policy revision {present.revision} stands")
            return
        cores = {core.id: {"kind": core.kind, "takeover": core.takeover} for core in self._config.cores}
        content = json.dumps({"revision": self._config.revision, "cores": cores}).encode("ascii")
        compare = mod_revision_is(self._keys.policy, self._view.policy_revision())
        await self._done([compare], [put(self._keys.policy, content)], "the policy was changed meanwhile; ask again")

    async def switch(self) -> None:
        """Asks the leader to hand over."""
        target = self._options.to
        await self._known(target)
        if self._view.leader() is None:
            raise RefusedError("nobody leads, so nobody can hand over: use `takeover`")
        if self._view.quarantined(target):
            raise RefusedError(f"{target} is quarantined: release it with `unquarantine` first")
        await self._client.put(self._keys.switch, target.encode("ascii"))
        print(f"asked the leader to hand over to {target}")

    async def takeover(self) -> None:
        """Lets one core campaign, whatever the policy says; only while nobody leads."""
        core = self._options.core
        await self._known(core)
        compare = [is_absent(self._keys.leader)]
        await self._done(compare, [put(self._keys.handover, core.encode("ascii"))], "a core leads: use `switch`")

    async def halt(self) -> None:
        """Stops the cell: the leader steps down, and nobody campaigns until `resume`."""
        await self._view.poll()
        n = max((status.head for status, _ in self._view.statuses()), default=0)
        content = json.dumps({"n": n, "reason": f"operator: {self._options.reason}"}).encode("ascii")
        await self._done([is_absent(self._keys.halt)], [put(self._keys.halt, content)], "the cell is halted already")

    async def resume(self) -> None:
        """Ends a halt; the votes go too, or cores would judge by them again at once.

        The first automatic core that is well gets the hand-over: everybody has waited long, and the fastest would win.
        """
        await self._view.poll()
        halt = (await self._client.range(self._keys.halt)).kvs
        if not halt:
            raise RefusedError("the cell is not halted")
        print(f"ends the halt {halt[0].value.decode('ascii', 'replace')}: {self._options.reason}")
        same = [mod_revision_is(self._keys.halt, halt[0].mod_revision)]
        cast = (await self._client.range(self._keys.votes_prefix, self._keys.votes_end)).kvs
        votes = [delete(kv.key) for kv in cast]  # also those that cannot be read
        success = [delete(self._keys.halt), *votes]
        policy, fresh = self._view.policy(), self._view.fresh_cores()
        able = [core for core in (policy.automatic if policy else ()) if escaped(core) in fresh]
        able = [core for core in able if not self._view.quarantined(core)]
        if able:
            success.append(put(self._keys.handover, able[0].encode("ascii")))
            print(f"leadership is handed to {able[0]}")
        await self._done(same, success, "the cell was halted anew meanwhile; look again")

    async def quarantine(self) -> None:
        """Keeps a core from following, leading and answering, until `unquarantine`."""
        core = self._options.core
        await self._known(core)
        n = next((status.head for status, _ in self._view.statuses() if status.core == core), 0)
        content = {"core": core, "n": n, "reason": f"operator: {self._options.reason}", "at_ns": time.time_ns()}
        key = self._keys.quarantine(core)
        await self._done([is_absent(key)], [put(key, json.dumps(content).encode("ascii"))], f"{core} is quarantined")

    async def unquarantine(self) -> None:
        """Releases a core, which then starts anew; its votes go too, or it would be outvoted again at once."""
        core = self._options.core
        await self._known(core)
        if not self._view.quarantined(core):
            raise RefusedError(f"{core} is not quarantined")
        votes = [delete(self._keys.vote(n, core)) for n, cast in self._view.votes().items() if escaped(core) in cast]
        await self._done([], [delete(self._keys.quarantine(core)), *votes], "")

    async def dump(self) -> None:
        """Prints the log as JSON lines {n, mod_revision, value}, from linearizable pages."""
        start, end = self._keys.log(self._options.begin), self._keys.log_end
        if self._options.end is not None:
            end = self._keys.log(self._options.end + 1)
        while True:
            page = await self._client.range(start, end, limit=PAGE_ENTRIES, timeout_s=DUMP_TIMEOUT_S)
            for kv in page.kvs:
                n = log_number(self._keys, kv.key)
                if n is None:
                    continue
                value = base64.b64encode(kv.value).decode("ascii")
                line = {"n": n, "mod_revision": kv.mod_revision, "value": value}
                sys.stdout.write(json.dumps(line) + "\n")
            if not page.more:
                return
            start = page.kvs[-1].key + b"\0"

    async def trim(self) -> None:
        """Removes the oldest entries, which must be archived; prints what was done as JSON."""
        wanted = Trim(self._options.end, bytes.fromhex(self._options.hash), self._options.older_than_s)
        print(json.dumps(await trim(self._client, self._keys, self._view, wanted)))

    async def load(self) -> None:
        """Puts a journal from segments into an empty log; prints what was done as JSON."""
        print(json.dumps(await load_segments(self._client, self._keys, self._config.cell, self._options.folder)))

    async def _known(self, core: str) -> None:
        await self._view.poll()
        policy = self._view.policy()
        if policy is None or core not in policy.cores:
            names = ", ".join(policy.cores) if policy else "no core (there is no policy)"
            raise RefusedError(f"core {core!r} is not in the policy, which names {names}")

    async def _done(self, compare: list, success: list, otherwise: str) -> None:  # type: ignore[type-arg]
        response = await self._client.txn(compare, success)
        if not response.succeeded:
            raise RefusedError(otherwise)
        print(f"done at revision {response.header.revision}")


def main(arguments: list[str] | None = None) -> int:
    # Standard output is for the answer alone: other programs read it.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(load(options.config), options))
    except (RefusedError, CoreError, EtcdError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _run(config: Config, options: argparse.Namespace) -> None:
    client = etcd_client(config)
    client.timeout_s = CALL_TIMEOUT_S
    action: Callable[[], Awaitable[None]] = getattr(Operator(config, client, options), options.command)
    try:
        await action()
    finally:
        await client.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dingli_core.ctl", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the core's JSON configuration")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="leader, policy and cores, as JSON")
    commands.add_parser("policy", help="put the policy that the configuration states")
    switch = commands.add_parser("switch", help="planned switch")
    switch.add_argument("--to", required=True, metavar="CORE")
    for name, text in (("takeover", "let this core campaign now"), ("unquarantine", "release this core")):
        commands.add_parser(name, help=text).add_argument("core", metavar="CORE")
    quarantine = commands.add_parser("quarantine", help="stop this core until it is released")
    quarantine.add_argument("core", metavar="CORE")
    halt = commands.add_parser("halt", help="stop the cell: nobody leads until `resume`")
    resume = commands.add_parser("resume", help="end a halt, and delete the votes")
    for changing in (quarantine, halt, resume):
        changing.add_argument("--reason", required=True, metavar="TEXT")
    dump = commands.add_parser("dump", help="the raw log, as JSON lines")
    dump.add_argument("--from", dest="begin", type=int, default=1, metavar="N")
    dump.add_argument("--to", dest="end", type=int, metavar="N")
    loading = commands.add_parser("load", help="put a journal from segments into an empty log, while no core leads")
    loading.add_argument("folder", type=Path, metavar="FOLDER", help="what `dingli mask` made")
    trimming = commands.add_parser("trim", help="remove the oldest entries: use `dingli archive trim`")
    trimming.add_argument("--to", dest="end", type=int, required=True, metavar="N", help="the last one to remove")
    trimming.add_argument("--hash", required=True, metavar="HEX", help="H(N), as the archive has it")
    trimming.add_argument("--older-than-s", type=int, required=True, metavar="S", help="entry N must be as old as that")
    return parser


if __name__ == "__main__":
    sys.exit(main())
