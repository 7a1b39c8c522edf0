"""`python3 -m dingli_core --config FILE`: a core with its supervisor."""

import argparse
import asyncio
import gc
import resource
import signal
import sys
from functools import partial
from pathlib import Path

import structlog
import uvloop

from dingli_core.config import Config, load
from dingli_core.core import Core, etcd_client
from dingli_core.exceptions import ConfigurationError
from dingli_core.supervisor import Supervisor, announce_to, die_with_parent
from dingli_core.watchdog import keep_telling

__all__ = ["main"]

FILES = 65_536


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="dingli_core", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="the core's JSON configuration")
    parser.add_argument("--child", type=int, metavar="DESCRIPTOR", help=argparse.SUPPRESS)
    parser.add_argument("--parent", type=int, metavar="PID", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    try:
        config = load(options.config)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    _log_as_json(config)
    if options.child is None:
        asyncio.run(Supervisor(config, options.config).run())
    else:
        die_with_parent(options.parent)
        _raise_file_limit()
        # Orders live as long as the process: looking through them again and again for garbage only makes pauses.
        gc.freeze()
        gc.set_threshold(50_000, 50, 1000)
        uvloop.run(_run_core(config, options.child))
    return 0


async def _run_core(config: Config, descriptor: int) -> None:
    client = etcd_client(config)
    core = asyncio.ensure_future(Core(config, client, partial(announce_to, descriptor)).run())
    telling = asyncio.create_task(keep_telling())
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, core.cancel)
    try:
        await core
    except asyncio.CancelledError:
        structlog.get_logger().info("stopped")
    finally:
        telling.cancel()
        await client.close()


def _raise_file_limit() -> None:
    """The usual 1,024 files are soon used up by connections that never finish their handshake."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _log_as_json(config: Config) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(cell=config.cell, core=config.core_id)


if __name__ == "__main__":
    sys.exit(main())
