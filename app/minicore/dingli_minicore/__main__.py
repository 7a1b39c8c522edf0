"""`python3 -I minicore.pyz --config FILE`."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from dingli_minicore.config import load_config
from dingli_minicore.exceptions import ConfigError
from dingli_minicore.supervisor import Supervisor

__all__ = ["main"]


def main() -> None:
    """Run the minimal core until it is told to end."""
    parser = argparse.ArgumentParser(prog="minicore", description="The minimal core of a cell.")
    parser.add_argument("--config", type=Path, required=True, help="JSON: /etc/dingli/core-<cell>.json")
    parser.add_argument("--verbose", action="store_true", help="log details")
    options = parser.parse_args()
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        config = load_config(options.config)
    except ConfigError as error:
        sys.exit(f"minicore: {error}")
    sys.exit(Supervisor(config).run())


if __name__ == "__main__":
    main()
