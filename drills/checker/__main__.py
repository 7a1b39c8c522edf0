"""`python -m drills.checker FOLDER --cell CELL`: judges the records and the journal in a folder again, offline.

Exit status: 0 pass, 1 fail, 3 unknown.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from drills.checker.check import Report, Verdict, check, replay
from drills.checker.journal import read_dump
from drills.checker.record import Incomplete, read


def main() -> None:
    """Prints the report as JSON."""
    parser = argparse.ArgumentParser(prog="python -m drills.checker", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path, help="holds journal.jsonl and one *.jsonl per client")
    parser.add_argument("--cell", required=True, help="its name is part of every hash")
    options = parser.parse_args()
    try:
        dump = read_dump(options.folder / "journal.jsonl")
        files = sorted(options.folder.glob("*.jsonl"))
        records = [path for path in files if path.name != "journal.jsonl" and not path.name.startswith("probe")]
        report = check(read(records), replay(options.cell, dump.entries, dump.head))
    except (Incomplete, OSError) as error:
        report = Report(Verdict.UNKNOWN, str(error))
    print(json.dumps(report.as_data(), indent=1))
    raise SystemExit({Verdict.PASS: 0, Verdict.FAIL: 1}.get(report.verdict, 3))


if __name__ == "__main__":
    main()
