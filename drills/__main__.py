"""`python -m drills EVIDENCE_FOLDER`: gives a drill's verdict again, offline, from its evidence.

Prints the report as JSON. Exit status: 0 pass, 1 fail, 3 unknown.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from dingli.exceptions import DingliError
from drills.checker.check import Verdict
from drills.experiment import Drill
from drills.kinds import kind_of


def main() -> None:
    """Judges what lies in EVIDENCE_FOLDER/raw."""
    parser = argparse.ArgumentParser(
        prog="python -m drills",
        description=(__doc__ or "").split("\n")[0],
        epilog="Example: python -m drills .dingli/lab/evidence/000012-drill-20261121T034500Z. "
        "Exit status: 0 pass, 1 fail, 3 unknown.",
    )
    parser.add_argument("folder", type=Path, help="a drill's folder in .dingli/ENVIRONMENT/evidence")
    raw = parser.parse_args().folder / "raw"
    try:
        asked = json.loads((raw / "settings.json").read_text())
        journal = json.loads((raw / "chaos-journal.json").read_text())
        drill = Drill.read(asked["drill"])
        kind = kind_of(drill)
        report = kind.judge(drill, journal, kind.settings(asked), raw)
    except (DingliError, OSError, ValueError, KeyError) as error:
        print(f"error: {raw.parent} cannot be judged: {type(error).__name__}: {error}", file=sys.stderr)
        print("expected: the evidence of a drill, with raw/settings.json", file=sys.stderr)
        print("what to do: name a folder that `dingli evidence list ENV --json` shows as a drill", file=sys.stderr)
        raise SystemExit(3) from error
    print(json.dumps(report.as_data(), indent=1))
    raise SystemExit({Verdict.PASS: 0, Verdict.FAIL: 1}.get(report.verdict, 3))


if __name__ == "__main__":
    main()
