"""What one step leaves for the next, and for the verdict: JSON files in the run's folder."""

from __future__ import annotations

import json
from typing import Any

from drills.ransomware.settings import Settings

__all__ = ["ATTACK", "BACK", "CANARY", "PROOFS", "REMOVED", "RULES", "SUMS", "WRITTEN", "keep", "kept"]

SUMS = "sums.jsonl"
RULES, WRITTEN, CANARY, ATTACK = "rules-before.json", "written-down.json", "canary.json", "attack.json"
BACK, PROOFS, REMOVED = "restored.json", "proofs.json", "removed.json"


def keep(settings: Settings, name: str, facts: dict[str, Any]) -> None:
    settings.workspace.mkdir(parents=True, exist_ok=True)
    (settings.workspace / name).write_text(json.dumps(facts, indent=1) + "\n")


def kept(settings: Settings, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((settings.workspace / name).read_text())
    return facts
