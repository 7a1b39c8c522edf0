"""What a core tells Prometheus of its sessions."""

from dingli_core.metrics import Metrics
from dingli_core.state import Session
from prometheus_client import generate_latest


def test_each_session_is_told_with_its_numbers_as_they_are_when_asked() -> None:
    metrics = Metrics("alpha", "a/main")
    sessions = {"M001": Session("M001")}
    metrics.watch_sessions(sessions.values)
    sessions["M002"] = Session("M002")
    sessions["M002"].connection, sessions["M002"].next_in, sessions["M002"].next_out = 77, 5, 9

    told = generate_latest(metrics.registry).decode()

    where = '{cell="alpha",core="a/main",session="%s"}'
    assert f"dingli_core_session_connected{where % 'M001'} 0.0" in told
    assert f"dingli_core_session_connected{where % 'M002'} 1.0" in told
    assert f"dingli_core_session_next_in{where % 'M002'} 5.0" in told
    assert f"dingli_core_session_next_out{where % 'M002'} 9.0" in told
