"""What the gateway tells Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from dingli_gateway import inbound

__all__ = ["Metrics"]

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Metrics:
    """All series, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        one = self.registry
        self.connections = Gauge("dingli_gateway_connections", "Members' TCP connections", registry=one)
        self.sessions = Gauge("dingli_gateway_sessions", "FIX sessions logged on here", registry=one)
        messages = Counter("dingli_gateway_messages", "FIX messages", ["direction", "type"], registry=one)
        self._messages = {
            (direction, msg_type): messages.labels(direction, msg_type.decode())
            for direction in ("in", "out")
            for msg_type in (*inbound.MSG_TYPES, b"other")
        }
        self.rejects = Counter("dingli_gateway_rejects", "Messages answered by a reject", ["kind"], registry=one)
        self.garbled = Counter("dingli_gateway_garbled", "Garbled messages, ignored", registry=one)
        self.logon_refused = Counter("dingli_gateway_logons_refused", "Logons refused before the core", registry=one)
        self.disconnects = Counter("dingli_gateway_disconnects", "Connections closed here", ["reason"], registry=one)
        self.ack_seconds = Histogram(
            "dingli_gateway_ack_seconds", "From a message's arrival to its ack", buckets=_BUCKETS, registry=one
        )
        self.unconfirmed = Gauge("dingli_gateway_unconfirmed", "Commands without an ack", registry=one)
        self.leader_epoch = Gauge("dingli_gateway_leader_epoch", "Epoch of the linked leader", registry=one)
        self.linked = Gauge("dingli_gateway_linked", "1 while a leading core is linked", registry=one)
        self.reconnects = Counter("dingli_gateway_reconnects", "Links to a core made", registry=one)

    def message(self, direction: str, msg_type: bytes) -> None:
        """Count one message; types unknown to FIX 4.4 share one series."""
        series = self._messages
        (series.get((direction, msg_type)) or series[direction, b"other"]).inc()
