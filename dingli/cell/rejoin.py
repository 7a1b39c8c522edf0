"""Giving a journal member whose data is lost its place in the cluster again.

etcd does not take it back by itself, rightly: the old identity has promised the others things of which an empty disk
knows nothing. So the old identity is removed; the host comes back as a learner, which counts for nothing, and gets a
vote when it has caught up. Every step starts from what the cluster says, so that an interrupted run is gone on with.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dingli import ssh
from dingli.cell.exceptions import CellError
from dingli.cell.members import MemberStatus, ask_members
from dingli.environment import Environment
from dingli.environment.certificates import pki_file
from dingli.environment.etcd import client_url, peer_url

__all__ = ["Place", "Step", "parse_places", "places_of", "plan", "rejoin"]

_CATCH_UP_S = 600.0
_PAUSE_S = 1.0
_DROP_IN = "/run/systemd/system/etcd.service.d/zz-rejoin.conf"
_CONFIGURATION = "/run/dingli-etcd-rejoin.yaml"
# What is left of the data is kept aside: it may be all that somebody still needs.
_START = f"""set -eu
systemctl stop etcd
data=/var/lib/etcd/dingli
if [ -e "$data/member" ]; then mv "$data/member" "/var/lib/etcd/lost-$(date -u +%Y%m%dT%H%M%SZ)"; fi
sed 's/^initial-cluster-state: .*/initial-cluster-state: existing/' /etc/etcd/etcd.yaml > {_CONFIGURATION}
mkdir -p "$(dirname {_DROP_IN})"
printf '[Service]\\nExecStart=\\nExecStart=/usr/bin/etcd --config-file=%s\\n' {_CONFIGURATION} > {_DROP_IN}
systemctl daemon-reload
systemctl reset-failed etcd || true
systemctl start --no-block etcd
"""
_AS_EVER = f"rm -f {_DROP_IN} {_CONFIGURATION}; systemctl daemon-reload"  # what runs goes on; the next start is normal


class Step(StrEnum):
    """What is done, in this order."""

    REMOVE = "remove the lost identity"
    ADD = "add the host as a learner"
    START = "start etcd there with an empty disk; what was left of its data is put aside"
    PROMOTE = "wait until it has caught up, and give it a vote"


@dataclass(frozen=True)
class Place:
    """A member as the cluster lists it. `name` is empty until it was started for the first time."""

    id: int
    name: str
    peers: tuple[str, ...]
    learner: bool = False


def parse_places(output: str) -> tuple[Place, ...]:
    """`etcdctl member list -w json`."""
    try:
        return tuple(
            Place(one["ID"], one.get("name", ""), tuple(one["peerURLs"]), one.get("isLearner", False))
            for one in json.loads(output)["members"]
        )
    except (ValueError, LookupError, TypeError):
        raise CellError(f"a list of members that cannot be read: {output[:200]!r}", "etcdctl's JSON") from None


def plan(
    host: str, peer: str, statuses: Collection[MemberStatus], places: Sequence[Place]
) -> tuple[Step, ...]:  # fmt: skip
    """What has to be done, nothing if the host's member is well. Raises `CellError` if it would stop the journal."""
    own = next((place for place in places if peer in place.peers), None)
    healthy = {status.name: status.healthy for status in statuses}
    if own is not None and not own.learner and healthy[host]:
        return ()
    others = [name for name, well in healthy.items() if well and name != host]
    needed = (len(healthy) - 1) // 2 + 1
    if len(others) < needed:
        raise CellError(
            f"{len(others)} other members of the journal are healthy",
            f"{needed}, so that they are a majority without {host}",
            "bring the others back first: `dingli status`",
        )
    if own is None:
        return (Step.ADD, Step.START, Step.PROMOTE)
    if own.learner and not own.name:
        return (Step.START, Step.PROMOTE)
    if own.learner and healthy[host]:
        return (Step.PROMOTE,)
    return tuple(Step)


def places_of(environment: Environment, host: str, statuses: Collection[MemberStatus]) -> tuple[Place, ...]:
    """The list of a healthy member other than `host`."""
    return parse_places(_Cluster(environment, host, statuses).ctl("member", "list", "-w", "json"))


def rejoin(environment: Environment, host: str, tell: Callable[[str], None] = lambda line: None) -> tuple[Step, ...]:
    """Do what `plan` says, looked at anew, and wait until the member is well. Gives the steps that were done."""
    statuses = ask_members(environment, environment.journal.members)
    cluster = _Cluster(environment, host, statuses)
    peer = peer_url(environment, host)
    steps = plan(host, peer, statuses, cluster.places())
    for step in steps:
        tell(step)
        match step:
            case Step.REMOVE:
                cluster.ctl("member", "remove", f"{cluster.own(peer).id:x}")
            case Step.ADD:
                cluster.ctl("member", "add", host, f"--peer-urls={peer}", "--learner")
            case Step.START:
                _as_root(environment, host, _START)
            case Step.PROMOTE:
                cluster.promote(peer, tell)
                _as_root(environment, host, _AS_EVER)
    return steps


class _Cluster:
    """The cluster, asked and changed through a healthy member other than `host`, as etcd's root."""

    def __init__(self, environment: Environment, host: str, statuses: Collection[MemberStatus]) -> None:
        well = [status.name for status in statuses if status.healthy and status.name != host]
        if not well:
            raise CellError("no other member of the journal is healthy", "a majority", "see `dingli status`")
        self._environment, self._through = environment, well[0]

    def ctl(self, *words: str, check: bool = True) -> str:
        login = ["etcdctl", "--endpoints", client_url(self._environment, self._through)]
        login += ["--cacert", pki_file("ca", "crt"), "--cert", pki_file("etcd-root", "crt")]
        login += ["--key", pki_file("etcd-root", "key"), "--command-timeout", "10s"]
        with ssh.connect(ssh.target(self._environment, self._through)) as connection:
            done = connection.run("sudo -n " + shlex.join([*login, *words]), timeout_s=30, check=check)
        return done.stdout if done.status == 0 else done.stderr

    def places(self) -> tuple[Place, ...]:
        return parse_places(self.ctl("member", "list", "-w", "json"))

    def own(self, peer: str) -> Place:
        return next(place for place in self.places() if peer in place.peers)

    def promote(self, peer: str, tell: Callable[[str], None]) -> None:
        """etcd refuses for as long as the learner is behind."""
        deadline, told = time.monotonic() + _CATCH_UP_S, ""
        while (own := self.own(peer)).learner:
            answer = self.ctl("member", "promote", f"{own.id:x}", check=False).strip().splitlines()
            reason = answer[-1] if answer else ""
            if time.monotonic() > deadline:
                raise CellError(
                    f"it has not caught up within {_CATCH_UP_S:.0f} s: {reason}",
                    "a learner in sync",
                    "`journalctl -u etcd` on the host; the same command goes on where this one ended",
                )
            if own.learner and reason != told:
                tell(f"  {reason[:160]}")
                told = reason
            time.sleep(_PAUSE_S)


def _as_root(environment: Environment, host: str, script: str) -> None:
    with ssh.connect(ssh.target(environment, host)) as connection:
        connection.run("sudo -n sh -s", stdin=script, timeout_s=120)
