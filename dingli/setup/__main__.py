"""`python3.11 -m dingli.setup WORKFLOW`: what the Makefile's targets do."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from dingli.exceptions import DingliError, ExitCode
from dingli.setup import workflows
from dingli.setup.cache import cache_root

_ROOT = Path(__file__).resolve().parents[2]


def clean_cache(root: Path) -> None:
    """Remove everything that other clones and later set-ups would reuse."""
    shutil.rmtree(cache_root(), ignore_errors=True)
    print(f"removed {cache_root()}")


_WORKFLOWS = {
    "setup": workflows.setup,
    "up": workflows.up,
    "down": workflows.down,
    "check": workflows.check,
    "test": workflows.test,
    "quickfix": workflows.quickfix,
    "bench": workflows.bench,
    "clean-cache": clean_cache,
}


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in _WORKFLOWS:
        print(f"usage: python3.11 -m dingli.setup {{{'|'.join(_WORKFLOWS)}}}", file=sys.stderr)
        sys.exit(ExitCode.USAGE)
    try:
        _WORKFLOWS[sys.argv[1]](_ROOT)
    except DingliError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
