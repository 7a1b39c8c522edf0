"""Environments of up to a thousand hosts: what their check and a preview without changes take.

Neither hosts nor SSH are needed. Each stack's state is what the program itself registers (`infra/recorded.py`), brought
into an empty backend with `pulumi stack import`; the preview then has to find nothing to change.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from dingli.bench.commands import BenchFailed
from dingli.bench.generated_clone import NAME, GeneratedClone, generated_clone
from dingli.bench.watched import Run

__all__ = ["MEASURED", "scale"]

MEASURED = (100, 300, 1000)


@dataclass(frozen=True)
class _Size:
    """One point of the curve."""

    hosts: int
    check: Run
    preview: Run
    resources: int

    def __str__(self) -> str:
        check, preview = self.check, self.preview
        return (
            f"{self.hosts:7}{check.wall_s:10.2f}{check.cpu_s:8.2f}{self.resources:11}"
            f"{preview.wall_s:11.1f}{preview.cpu_s:8.1f}{preview.peak_mib:9.0f}{preview.peak_shared_mib:9.0f}"
        )


def scale(measured: tuple[int, ...] = MEASURED) -> dict[str, float]:
    """The figures of the largest environment; prints the curve on the way."""
    titles = ("hosts", 7), ("check s", 10), ("CPU s", 8), ("resources", 11), ("preview s", 11), ("CPU s", 8)
    print("".join(f"{title:>{width}}" for title, width in (*titles, ("RSS MiB", 9), ("PSS MiB", 9))), flush=True)
    for hosts in measured:
        with generated_clone(hosts) as clone:
            size = _measured(clone)
        print(size, flush=True)
    return {
        "check_1000_s": round(size.check.wall_s, 2),
        "preview_1000_s": round(size.preview.wall_s, 1),
        "preview_1000_cpu_s": round(size.preview.cpu_s, 1),
        "preview_1000_mib": round(size.preview.peak_mib),
        "preview_1000_resources": size.resources,
    }


def _measured(clone: GeneratedClone) -> _Size:
    check = clone.dingli("env", "check", NAME)
    preview = clone.dingli("preview", NAME, "--json")
    changes = {site: one["changes"] for site, one in json.loads(preview.output).items()}
    if any(set(one) != {"same"} for one in changes.values()):
        raise BenchFailed(f"a preview that would change something: {changes}", "no change", "see infra/recorded.py")
    return _Size(clone.hosts, check, preview, sum(one["same"] for one in changes.values()))
