"""What Prometheus is told."""

from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from dingli_core.config import split_address
from dingli_core.state import Session

__all__ = ["Metrics"]

COMMIT_BUCKETS_S = (0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
BATCH_BUCKETS = (1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500)


class Metrics:
    """All series carry the labels cell and core."""

    def __init__(self, cell: str, core: str) -> None:
        self.registry = CollectorRegistry()
        self._labels = {"cell": cell, "core": core}
        self.entries = self._counter("dingli_core_entries_committed", "Entries committed by this core as leader")
        self.commands = self._counter("dingli_core_commands_committed", "Commands committed by this core as leader")
        self.bytes = self._counter("dingli_core_bytes_committed", "Bytes of entries committed by this core as leader")
        self.leading = self._gauge("dingli_core_leading", "1 while this core leads")
        self.quarantined = self._gauge("dingli_core_quarantined", "1 while this core is quarantined")
        self.halted = self._gauge("dingli_core_halted", "1 while this core sees its cell halted")
        self.disagreements = self._gauge("dingli_core_hash_disagreements", "Entries about whose hash votes differ")
        self.clock_trusted = self._gauge("dingli_core_clock_trusted", "0 while this core finds its own clock wrong")
        self.epoch = self._gauge("dingli_core_epoch", "Epoch of the newest entry executed")
        self.head = self._gauge("dingli_core_head", "Number of the newest entry executed")
        self.lag_s = self._gauge("dingli_core_lag_seconds", "Age of the oldest entry known and not executed")
        self.replay = self._gauge("dingli_core_replay_commands_per_second", "Measured rate of executing commands")
        self.gateways = self._gauge("dingli_core_gateway_links", "Connected gateways")
        self.unreadable = self._gauge("dingli_core_unreadable_keys", "Keys of the cell that cannot be read")
        self.sessions = self._gauge("dingli_core_sessions_logged_on", "Sessions with a connection")
        names = list(self._labels)
        self.commit_s = Histogram(
            "dingli_core_commit_seconds", "From sending an entry to its commit", names, buckets=COMMIT_BUCKETS_S,
            registry=self.registry,
        ).labels(**self._labels)  # fmt: skip
        self.batch = Histogram(
            "dingli_core_batch_commands", "Commands in an entry", names, buckets=BATCH_BUCKETS, registry=self.registry
        ).labels(**self._labels)

    def watch_sessions(self, sessions: Callable[[], Iterable[Session]]) -> None:
        """`sessions` is asked at each scrape, by the thread that answers it."""
        self.registry.register(_Sessions(self._labels, sessions))

    def serve(self, address: str) -> None:
        """Plain HTTP, in a thread of its own."""
        host, port = split_address(address)
        start_http_server(port, host, self.registry)

    def committed(self, commands: int, size: int, seconds: float) -> None:
        self.entries.inc()
        self.commands.inc(commands)
        self.bytes.inc(size)
        self.commit_s.observe(seconds)
        self.batch.observe(commands)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, list(self._labels), registry=self.registry).labels(**self._labels)

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(name, text, list(self._labels), registry=self.registry).labels(**self._labels)


class _Sessions(Collector):
    """Each FIX session, read when somebody asks: nobody pays for it otherwise."""

    def __init__(self, labels: dict[str, str], sessions: Callable[[], Iterable[Session]]) -> None:
        self._labels = labels
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        names, values = [*self._labels, "session"], list(self._labels.values())
        connected = GaugeMetricFamily("dingli_core_session_connected", "1 while logged on", labels=names)
        next_in = GaugeMetricFamily("dingli_core_session_next_in", "Number expected from the member", labels=names)
        next_out = GaugeMetricFamily("dingli_core_session_next_out", "Number of the next message to it", labels=names)
        # A copy at once: the core goes on meanwhile. A session's three numbers may be of neighbouring commands.
        for session in list(self._sessions()):
            connected.add_metric([*values, session.name], int(session.connection != 0))
            next_in.add_metric([*values, session.name], session.next_in)
            next_out.add_metric([*values, session.name], session.next_out)
        return iter((connected, next_in, next_out))
