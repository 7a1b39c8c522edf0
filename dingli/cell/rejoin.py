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

__all__ = ["Place", "Step", "look", "parse_places", "plan", "rejoin"]

_CATCH_UP_S = 600.0
_PAUSE_S = 1.0
_DROP_IN = "/run/systemd/system/etcd.service.d/zz-rejoin.conf"
_CONFIGURATION = "/run/dingli-etcd-rejoin.yaml"
# What is left of the data is kept aside: it may be all that somebody still needs.
_START = f"""set -eu
umask 022
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


_HAS_DATA = """useless="data-dir used by this member must be removed"
if ! ls /var/lib/etcd/dingli/member/wal/*.wal >/dev/null 2>&1; then echo no
elif journalctl -u etcd --since -1min -n 300 -o cat | grep -q "$useless"; then echo no
else echo yes; fi
"""


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
    host: str,
    peer: str,
    statuses: Collection[MemberStatus],
    places: Sequence[Place],
    has_data: bool,
    discard_data: bool = False,
) -> tuple[Step, ...]:
    """What has to be done, nothing if the host's member is well.

    `has_data`: its write-ahead log is there. Raises `CellError` where a member that may come back by itself would be
    removed, or the journal would lose its majority.
    """
    own = next((place for place in places if peer in place.peers or place.name == host), None)
    status = next(one for one in statuses if one.name == host)
    if own is not None and not own.learner and status.healthy:
        return ()
    if status.answered and not (own is not None and own.learner):
        raise CellError(
            f"etcd on {host} answers" + ("" if status.leader_id else ", and knows no leader"),
            "one that has lost its data",
            "see what cuts it off from the others: `dingli status`, `dingli network scan`",
        )
    others = [one.name for one in statuses if one.healthy and one.name != host]
    needed = (len(statuses) - 1) // 2 + 1
    if len(others) < needed:
        raise CellError(
            f"{len(others)} other members of the journal are healthy",
            f"{needed}, so that they are a majority without {host}",
            "bring the others back first: `dingli status`",
        )
    if own is not None and own.learner and status.healthy:
        return (Step.PROMOTE,)
    if has_data and not discard_data:
        raise CellError(
            f"etcd on {host} does not answer, and its data are there",
            "a member that has lost its data",
            "`journalctl -u etcd` there; if it cannot read them, --discard-data puts them aside",
        )
    if own is None:
        return (Step.ADD, Step.START, Step.PROMOTE)
    if own.learner and not own.name:
        return (Step.START, Step.PROMOTE)
    return tuple(Step)


def has_data(environment: Environment, host: str) -> bool:
    """Whether the host's member has written anything that counts. Raises `SshError` if the host cannot be asked.

    An empty member that starts under an identity which was removed earlier writes a log, too, and says what that is
    worth.
    """
    return _as_root(environment, host, _HAS_DATA).strip() == "yes"


def look(environment: Environment, host: str, discard_data: bool = False) -> tuple[Step, ...]:
    """What has to be done now. A member that is only slow to answer has three chances to."""
    for chance in range(3):
        time.sleep(2 * _PAUSE_S if chance else 0)
        statuses = ask_members(environment, environment.journal.members)
        if next(one for one in statuses if one.name == host).answered:
            break
    places = _Cluster(environment, host, statuses).places()
    return plan(host, peer_url(environment, host), statuses, places, has_data(environment, host), discard_data)


def rejoin(
    environment: Environment, host: str, steps: Sequence[Step], tell: Callable[[str], None] = lambda line: None
) -> None:
    """Do the steps, and wait until the member has its vote. None: only what an interrupted run left is removed."""
    cluster = _Cluster(environment, host, ask_members(environment, environment.journal.members))
    peer = peer_url(environment, host)
    for step in steps:
        tell(step)
        match step:
            case Step.REMOVE:
                cluster.ctl("member", "remove", f"{cluster.own(peer, host).id:x}")
            case Step.ADD:
                cluster.ctl("member", "add", host, f"--peer-urls={peer}", "--learner")
            case Step.START:
                _as_root(environment, host, _START)
            case Step.PROMOTE:
                cluster.promote(peer, tell)
    _as_root(environment, host, _AS_EVER)


class _Cluster:
    """The cluster, asked and changed through a healthy member other than `host`, as etcd's root."""

    def __init__(self, environment: Environment, host: str, statuses: Collection[MemberStatus]) -> None:
        self._environment, self._host = environment, host
        self._through = self._leader(statuses)

    def _leader(self, statuses: Collection[MemberStatus]) -> str:
        """A promotion that another member hands on to the leader is refused: it loses who asked on the way."""
        well = [status for status in statuses if status.healthy and status.name != self._host]
        if not well:
            raise CellError("no other member of the journal is healthy", "a majority", "see `dingli status`")
        return next((status.name for status in well if status.leads), well[0].name)

    def ctl(self, *words: str, check: bool = True) -> str:
        login = ["etcdctl", "--endpoints", client_url(self._environment, self._through)]
        login += ["--cacert", pki_file("ca", "crt"), "--cert", pki_file("etcd-root", "crt")]
        login += ["--key", pki_file("etcd-root", "key"), "--command-timeout", "10s"]
        with ssh.connect(ssh.target(self._environment, self._through)) as connection:
            done = connection.run("sudo -n " + shlex.join([*login, *words]), timeout_s=30, check=check)
        return done.stdout if done.status == 0 else done.stderr

    def places(self) -> tuple[Place, ...]:
        return parse_places(self.ctl("member", "list", "-w", "json"))

    def own(self, peer: str, name: str = "") -> Place:
        for place in self.places():
            if peer in place.peers or (name and place.name == name):
                return place
        raise CellError(f"no member at {peer}", "the one that was just there", "somebody else is at work: look again")

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
            self._through = self._leader(ask_members(self._environment, self._environment.journal.members))


def _as_root(environment: Environment, host: str, script: str) -> str:
    with ssh.connect(ssh.target(environment, host)) as connection:
        return connection.run("sudo -n sh -s", stdin=script, timeout_s=120).stdout
