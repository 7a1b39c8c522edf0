"""The keys of bench.json, what they should reach, and how a figure is compared with its target."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["KEYS", "Figures", "Key"]


@dataclass(frozen=True)
class Key:
    """One figure; `better` says whether a value reaches a target."""

    name: str
    what: str
    first: float | None
    goal: float | None
    at_least: bool = False

    def reached(self, value: float, target: float | None) -> bool | None:
        """None where there is no target."""
        if target is None:
            return None
        return value >= target if self.at_least else value <= target


KEYS = (
    Key("up_cold_s", "all stacks from nothing, engine and images cached", 600, None),
    Key("up_noop_s", "the same again, nothing to do", 60, 15),
    Key("site_loss_rto_x86_s", "site loses power, x86 takes over: service RTO, p95", 10, 3),
    Key("site_loss_rto_arm_s", "the same, emulated ARM takes over", None, None),
    Key("site_loss_member_rto_s", "the same, standard FIX client, worst", None, 15),
    Key("rpo_commands", "acknowledged commands missing, all runs", 0, 0),
    Key("core_kill_rto_s", "active core's process killed: service RTO, worst", 2, 0.5),
    Key("core_hang_rto_s", "active core stopped, later goes on under load: the same", None, 2),
    Key("switch_gap_s", "planned switch there and back: longest silence, worst", 2, 0.3),
    Key("e2e_orders_per_s", "highest rate through FIX with p99 under 50 ms", 500, 10_000, at_least=True),
    Key("e2e_p99_ms", "at that rate", 50, 20),
    Key("e2e_500_p99_ms", "at 500 orders/s", 50, 20),
    Key("check_1000_s", "an environment of 1,000 hosts checked", 2, None),
    Key("preview_1000_s", "its preview, five stacks, nothing to change", 30, None),
    Key("preview_1000_cpu_s", "processor time of that preview", None, None),
    Key("preview_1000_mib", "its memory: highest sum of all processes", 1024, None),
    Key("preview_1000_resources", "what it compares", 1300, None),
    Key("refresh_1000_s", "1,000 simulated hosts asked over SSH, no roles", None, None),
    Key("refresh_1000_cpu_s", "processor time of that refresh", None, None),
    Key("refresh_1000_mib", "its memory: highest sum of all processes", None, None),
    Key("refresh_roles_100_s", "100 of them, five tasks each in check mode", None, None),
    Key("refresh_roles_100_cpu_s", "processor time of that refresh", None, None),
    Key("refresh_roles_100_mib", "its memory: highest sum of all processes", None, None),
    Key("audit_s", "audit of the lab", None, 30),
    Key("audit_items", "automatic items", None, None),
)


class Figures:
    """What was measured so far; a key that could not be measured is null and says why."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    def measure(self, names: tuple[str, ...], how: Callable[[], dict[str, float]]) -> None:
        """Runs one measurement; its failure becomes the reason of its keys, and the rest goes on."""
        from dingli.exceptions import DingliError

        try:
            found = how()
        except DingliError as error:
            found, why = {}, " ".join(str(error).split())
        else:
            why = "the measurement gave no such figure"
        for name in names:
            self.data[name] = found.get(name)
            if name not in found:
                self.data[f"{name}_why"] = why
        for name, value in found.items():
            self.data.setdefault(name, value)
