"""Run a plugin written in Python: `run_plugin.py KIND PROGRAM ARGUMENTS…`; a policy pack as the SDK wants it."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from lifetime import end_with_parent

sys.path.remove(str(Path(__file__).resolve().parent))  # the plugin must not find this folder's modules


def main() -> None:
    kind, program, *arguments = sys.argv[1:]
    end_with_parent()
    if kind == "analyzer":
        sys.argv = ["pulumi.policy", *arguments, program]
        runpy.run_module("pulumi.policy", run_name="__main__")
    else:
        sys.argv = [program, *arguments]
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
