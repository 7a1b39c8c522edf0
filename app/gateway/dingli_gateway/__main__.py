"""`python3 -m dingli_gateway --config FILE`"""

import argparse
import asyncio
import logging
import resource
import signal
import ssl
import sys
from pathlib import Path

import structlog
import uvloop
from prometheus_client import start_http_server

from dingli_gateway.config import Config, load_config
from dingli_gateway.exceptions import ConfigError
from dingli_gateway.gateway import Gateway
from dingli_gateway.leader import LeaderTracker
from dingli_gateway.link import CoreLink
from dingli_gateway.metrics import Metrics
from dingli_gateway.passwords import load_members

__all__ = ["main"]

FAREWELL_S = 2.0
TLS_HANDSHAKE_S = 10.0
MOST_FILES = 65_536


def _configure_log() -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _allow_many_sockets() -> None:
    """Whoever opens a thousand connections and says nothing must not use up what a process is usually given."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _server_context(config: Config) -> ssl.SSLContext | None:
    if config.fix_tls is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(config.fix_tls.cert), str(config.fix_tls.key))
    return context


async def _serve(config: Config) -> None:
    log = structlog.get_logger()
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    metrics = Metrics()
    start_http_server(config.metrics[1], config.metrics[0], metrics.registry)
    tracker = LeaderTracker(config.etcd, config.cell)
    link = CoreLink(tracker, config.cell, config.tls)
    gateway = Gateway(config, tracker, link, metrics)
    link.listener = gateway
    context = _server_context(config)
    limit_s = None if context is None else TLS_HANDSHAKE_S
    server = await loop.create_server(
        gateway.accept, *config.fix_listen, ssl=context, backlog=512, ssl_handshake_timeout=limit_s
    )
    log.info("listening", cell=config.cell, gateway=config.gateway_id, fix=list(config.fix_listen))
    try:
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(part.run()) for part in (tracker, link, gateway)]
            await stop.wait()
            server.close()
            await gateway.log_out_all("gateway is shutting down", FAREWELL_S)
            for task in running:
                task.cancel()
    finally:
        server.close()
        await tracker.close()
    log.info("stopped")


def main() -> int:
    """The process; returns its exit code."""
    parser = argparse.ArgumentParser(prog="dingli_gateway", description="The order gateway of a cell")
    parser.add_argument("--config", type=Path, required=True, help="configuration file (JSON)")
    arguments = parser.parse_args()
    _configure_log()
    try:
        config = load_config(arguments.config)
        load_members(config.members_file)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 2
    _allow_many_sockets()
    uvloop.run(_serve(config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
