"""The archive of the lab's own journal: read over SSH, kept in a locked bucket, and told to monitoring."""

from __future__ import annotations

import time

from dingli.archive import Bucket, archive_closed, read_chain
from dingli.archive.chain import journals
from dingli.archive.source import over_ssh
from dingli.archive.telling import FILE, Pulse, tell
from dingli.cell import observe, remote
from dingli.environment import Archive, load

CELL, OPS = "alpha", "ops-1"
SEGMENTS = 3


def test_a_running_cell_is_archived_over_ssh_and_monitoring_is_told(settings: Archive) -> None:
    lab = load("lab")
    bucket = Bucket(settings)
    bucket.make()
    head = max(core.head for core in observe(lab, CELL).cores.values())
    outcome = archive_closed(bucket, lab.name, over_ssh(lab, CELL), head // SEGMENTS)
    assert outcome.written == SEGMENTS
    ((name, objects),) = journals(bucket, lab.name, CELL).items()
    chain = read_chain(bucket, name, CELL, objects)
    assert (chain.last, chain.findings) == (outcome.last, [])

    try:
        assert tell(lab, [Pulse(CELL, time.time(), outcome.last)]) == []
        pki = "--cacert /etc/dingli/pki/ca.crt --cert /etc/dingli/pki/monitor.crt --key /etc/dingli/pki/monitor.key"
        exporter = f"https://{lab.hosts[OPS].address}:{lab.monitoring.node_port}/metrics"
        metrics = remote.run(lab, OPS, f"curl -s {pki} {exporter}").stdout.splitlines()
        (line,) = [one for one in metrics if one.startswith(f'dingli_archive_last_entry{{cell="{CELL}"}} ')]
        assert float(line.split()[1]) == outcome.last
    finally:
        remote.run(lab, OPS, f"rm -f {FILE.format(cell=CELL)}")
