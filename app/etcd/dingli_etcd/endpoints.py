"""Channels to all members, and the choice of the one that the next call goes to."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import grpc.aio

from dingli_etcd.exceptions import ConfigurationError

__all__ = ["Endpoint", "Endpoints", "TlsFiles"]

PENALTY_S = 2.0
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
# A member whose machine has lost power answers nothing, not even a reset: pings find that out in about a second.
CHANNEL_OPTIONS: tuple[tuple[str, int | str], ...] = (
    ("grpc.keepalive_time_ms", 500),
    ("grpc.keepalive_timeout_ms", 1000),
    # etcd ends connections that ping without an open call (PermitWithoutStream is off there); a watch counts as one.
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 250),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: the environment's CA, and this client's certificate and key (whose CN is its etcd user)."""

    ca: Path
    cert: Path
    key: Path


class Endpoint:
    """One member: its channel, and until when (monotonic) it is passed over after a failure."""

    __slots__ = ("channel", "penalty_until", "target", "url")

    def __init__(self, url: str, credentials: grpc.ChannelCredentials | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None or parts.port is None:
            raise ConfigurationError(f"etcd endpoint {url!r}: expected https://host:port")
        self.url = url
        self.target = f"{parts.hostname}:{parts.port}"
        self.penalty_until = 0.0
        if parts.scheme == "https":
            if credentials is None:
                raise ConfigurationError(f"etcd endpoint {url!r} needs TLS: state ca, cert and key")
            self.channel = grpc.aio.secure_channel(self.target, credentials, options=CHANNEL_OPTIONS)
        else:
            if parts.hostname not in LOOPBACK_HOSTS:
                raise ConfigurationError(f"etcd endpoint {url!r}: without TLS only loopback is allowed; use https")
            self.channel = grpc.aio.insecure_channel(self.target, options=CHANNEL_OPTIONS)


class Endpoints:
    """The members in order of preference (own site first).

    One that failed is passed over, and used again only when its channel is connected: asking a dead member now and then
    would cost a whole deadline each time.
    """

    def __init__(self, urls: Sequence[str], tls: TlsFiles | None) -> None:
        if not urls:
            raise ConfigurationError("no etcd endpoints: state at least one")
        credentials = None if tls is None else _credentials(tls)
        self.all = tuple(Endpoint(url, credentials) for url in urls)

    def choose(self) -> Endpoint:
        now = time.monotonic()
        for endpoint in self.all:
            if endpoint.penalty_until == 0.0:
                return endpoint
            connected = endpoint.channel.get_state(try_to_connect=True) is grpc.ChannelConnectivity.READY
            if connected and now >= endpoint.penalty_until:
                endpoint.penalty_until = 0.0
                return endpoint
        return min(self.all, key=lambda endpoint: endpoint.penalty_until)

    def failed(self, endpoint: Endpoint) -> None:
        endpoint.penalty_until = time.monotonic() + PENALTY_S

    async def close(self) -> None:
        for endpoint in self.all:
            await endpoint.channel.close(grace=None)


def _credentials(tls: TlsFiles) -> grpc.ChannelCredentials:
    try:
        return grpc.ssl_channel_credentials(
            root_certificates=tls.ca.read_bytes(),
            private_key=tls.key.read_bytes(),
            certificate_chain=tls.cert.read_bytes(),
        )
    except OSError as error:
        raise ConfigurationError(f"cannot read {error.filename}: {error.strerror}; expected a PEM file") from error
