"""What drills and load tests are judged by."""

from __future__ import annotations

from dingli.environment.values import Count, Entry, Positive, Seconds

__all__ = ["Targets"]


class Targets(Entry):
    """What drills and load tests are judged by."""

    service_rto_s: Seconds
    member_rto_s: Seconds
    rpo_commands: Count
    orders_per_s: Positive
    core_rto_s: Seconds | None = None
    """None: measured and reported, not judged; the same below."""
    switch_gap_s: Seconds | None = None
    site_call_s: Seconds = 240
    """Until a site on demand that was called has a core that has caught up and a gateway that trades."""
    restore_s: Seconds = 3_600
    """All that the archive's bucket keeps, brought back and compared."""
