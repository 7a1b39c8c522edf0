"""What is done to the lab so that its alerts fire, and how each is undone. Clocks are never touched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from dingli.cell import observe
from dingli.environment import Environment
from dingli.environment.certificates import pki_file
from dingli.environment.etcd import client_url
from dingli.evidence import Result, Store, run
from dingli.evidence.witness import countersign
from dingli.gate import State, smoke_order
from dingli.monitoring import prometheus_configuration
from dingli.power import power_off, power_on
from tests.live.roles.conftest import Hosts

ROOT = Path(__file__).resolve().parents[3]
DINGLI = str(Path(sys.executable).parent / "dingli")
CELL = "alpha"
_FACTS = "systemctl start dingli-host-facts"


@dataclass
class Faults:
    """Causes faults; whatever was caused is undone when the stack is closed, in reverse order."""

    environment: Environment
    hosts: Hosts
    stack: ExitStack

    def on(self, host: str, cause: str, undo: str) -> Callable[[], object]:
        """Run `cause` on a host; gives what undoes it, which happens at the end in any case."""
        self.stack.callback(self.hosts.run, host, undo)
        self.hosts.run(host, cause)
        return lambda: self.hosts.run(host, undo)

    def power_off(self, host: str, seconds: int) -> None:
        self.stack.callback(power_on, self.environment, host)
        power_off(self.environment, host, seconds)

    def line_cut(self, name: str) -> Callable[[], object]:
        """Outside of the hosts, by the lab; gives what mends it."""

        def line(*words: str) -> object:
            return subprocess.run([DINGLI, "lab", "line", name, *words], cwd=ROOT, check=True, timeout=60)

        self.stack.callback(line, "mend")
        line("cut", "--for", "300s")
        return lambda: line("mend")

    def full_disk(self, host: str) -> None:
        folder = "/mnt/dingli-full"
        fill = f"mkdir -p {folder}; mount -t tmpfs -o size=1m tmpfs {folder}; fallocate -l 1000K {folder}/fill"
        self.on(host, fill, f"umount {folder}; rmdir {folder}; true")

    def short_certificate(self, host: str) -> None:
        file = pki_file("short", "crt")
        make = f"openssl req -x509 -newkey ed25519 -nodes -subj /CN=short -days 1 -keyout /dev/null -out {file}"
        self.on(host, f"{make} 2>/dev/null; {_FACTS}", f"rm -f {file}; {_FACTS}")

    def no_time_source(self, host: str) -> None:
        self.on(host, f"systemctl stop chrony; {_FACTS}", f"systemctl start chrony; {_FACTS}")

    def no_packet_filter(self, host: str) -> None:
        self.on(host, f"nft delete table inet dingli; {_FACTS}", f"systemctl restart dingli-firewall; {_FACTS}")

    def small_quota(self, host: str, share: float) -> None:
        """The journal's database there is `share` of what it may be, though it did not grow."""
        file, size = "/etc/etcd/etcd.yaml", self._database_bytes(host)
        quota = f'sed -i "s/^quota-backend-bytes: .*/quota-backend-bytes: {int(size / share)}/" {file}'
        self.on(host, f"cp -p {file} {file}.whole", f"mv -f {file}.whole {file}; systemctl restart etcd")
        self.hosts.run(host, f"{quota}; systemctl restart etcd")

    def old_facts(self, host: str) -> None:
        age = f'systemctl stop dingli-host-facts.timer; touch -d "1 hour ago" {_textfile()}'
        self.on(host, age, f"systemctl start dingli-host-facts.timer; {_FACTS}")

    def unreachable_witness(self, deaf: str, others: list[str]) -> None:
        """A run whose head one witness never hears of."""
        keys = "/var/lib/dingli-witness-login/.ssh/authorized_keys"
        self.stack.callback(lambda: [self.hosts.run(host, _FACTS) for host in (deaf, *others)])
        self.stack.callback(countersign, self.environment, Store.of(self.environment.name))
        self.on(deaf, f"mv {keys} {keys}.away", f"test ! -e {keys}.away || mv {keys}.away {keys}")
        with run(self.environment, "test", "one witness does not hear of this") as opened:
            opened.result = Result.PASSED
        for host in (deaf, *others):
            self.hosts.run(host, _FACTS)

    def missing_target(self, host: str) -> None:
        """Prometheus forgets a target, as it would with an older configuration."""
        file = "/etc/prometheus/prometheus.yml"
        configuration = prometheus_configuration(self.environment)
        next(job for job in configuration["scrape_configs"] if job["job_name"] == "host")["static_configs"].pop()
        self.on(host, f"cp -p {file} {file}.whole", f"mv -f {file}.whole {file}; systemctl reload prometheus")
        self.hosts.run(host, f"cat > {file}; systemctl reload prometheus", stdin=json.dumps(configuration))

    def stopped(self, host: str, unit: str) -> Callable[[], object]:
        return self.on(host, f"systemctl stop {unit}", f"systemctl start --no-block {unit}")

    def wrong_vote(self, core: str, member: str) -> Callable[[], object]:
        """A core votes for another result of an entry than the rest: the majority quarantines it."""
        self.trade()
        number = observe(self.environment, CELL, members=False).cores[core].head - 1
        votes = f"/dingli/v1/{CELL}/votes/{number:016x}/"
        release = f"dingli-core-ctl {CELL} unquarantine {core}; true"
        self.stack.callback(self.hosts.run, member, self._etcdctl(member, f"del --prefix {votes}"))
        vote = self._etcdctl(member, f"put {votes}{core.replace('/', ':')} {'0' * 64}")
        self.stack.callback(self.hosts.run, core.split("/")[0], release)
        self.hosts.run(member, vote)
        return lambda: self.hosts.run(core.split("/")[0], release)

    def trade(self) -> None:
        """An order through every gateway that answers: the cell's head moves on."""
        smoke_order(self.environment)

    def halted(self, host: str) -> Callable[[], object]:
        """By a person, on a host with a main core."""
        halt, resume = (f'dingli-core-ctl {CELL} {word} --reason "a test of alerts"' for word in ("halt", "resume"))
        return self.on(host, halt, f"{resume}; true")

    def _database_bytes(self, member: str) -> int:
        (status,) = json.loads(self.hosts.run(member, self._etcdctl(member, "endpoint status -w json")).stdout)
        return int(status["Status"]["dbSize"])

    def _etcdctl(self, member: str, words: str) -> str:
        keys = f"--cert {pki_file('etcd-root', 'crt')} --key {pki_file('etcd-root', 'key')}"
        login = f"--endpoints {client_url(self.environment, member)} --cacert /etc/dingli/pki/ca.crt {keys}"
        return f"etcdctl {login} --command-timeout 10s {words}"


def _textfile() -> str:
    return "/var/lib/prometheus/node-exporter/dingli.prom"


@contextmanager
def undoing(environment: Environment, hosts: Hosts) -> Iterator[Faults]:
    """Faults that are undone whatever happens."""
    with ExitStack() as stack:
        yield Faults(environment, hosts, stack)


def why_not_whole(environment: Environment) -> str | None:
    """Why orders do not get through everywhere; None if they do."""
    finding = smoke_order(environment)
    return None if finding.state is State.PASSED else finding.text
