"""The cloud's two services, for all resource types: one session, one set of rules for retries."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.config import Config

from dingli.cloud_session import cloud_session
from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Configuration, Failure, Properties
from infra.providers.base.values import Unknown
from infra.providers.industry.settings import Settings, problem

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_s3 import S3Client

__all__ = ["Cloud"]

_TEXT: dict[str, Any] = {"type": "string"}
_CONNECT_S = 5
_ANSWER_S = 60
_CONNECTIONS = 64  # as many as the provider's threads
_NOT_HERE = "is not an input: credentials come from the usual AWS places (environment, profile), never from a stack"
_SECRETS = ("access_key", "access_key_id", "secret_key", "secret_access_key", "session_token", "token")


class Cloud(Configuration):
    """Clients, made when they are first used. Credentials are found by boto3 and are never in a configuration."""

    inputs: ClassVar[Mapping[str, Mapping[str, Any]]] = dict.fromkeys(Settings.__dataclass_fields__, _TEXT)
    required: ClassVar[Sequence[str]] = ("environment", "region")

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, bool], Any] = {}
        self._calls = threading.local()

    def check(self, values: Properties) -> Sequence[Failure]:
        wrong = [(name, problem(name, values[name])) for name in self.inputs if _known(values.get(name))]
        found = [Failure(name, reason, shown=False) for name, reason in wrong if reason is not None]
        return [*found, *(Failure(name, _NOT_HERE, shown=False) for name in _SECRETS if name in values)]

    def configure(self, values: Properties) -> None:
        with self._lock:
            self._clients.clear()
            known = not any(isinstance(value, Unknown) for value in values.values())
            self._settings = Settings.of(values) if known else None

    @property
    def settings(self) -> Settings:
        """Raises `ProviderError` where nothing was configured."""
        if self._settings is None:
            raise ProviderError(
                "the provider `industry` has no configuration yet", "endpoint, region and environment", "declare them"
            )
        return self._settings

    @property
    def where(self) -> str:
        """The cloud, in words."""
        return self.settings.endpoint or f"region {self.settings.region}"

    @property
    def last_call(self) -> str:
        """`service:Operation` that this thread has begun last."""
        return getattr(self._calls, "last", "")

    @property
    def ec2(self) -> EC2Client:
        """For calls that may be sent twice."""
        client: EC2Client = self._client("ec2", once=False)
        return client

    @property
    def ec2_once(self) -> EC2Client:
        """For calls that make something: sent once, because a second time would make a second thing."""
        client: EC2Client = self._client("ec2", once=True)
        return client

    @property
    def s3(self) -> S3Client:
        """All of its calls may be sent twice: a bucket's name is its identity."""
        client: S3Client = self._client("s3", once=False)
        return client

    def _client(self, service: str, *, once: bool) -> Any:
        with self._lock:
            if (service, once) not in self._clients:
                self._clients[service, once] = self._new(service, once)
            return self._clients[service, once]

    def _new(self, service: str, once: bool) -> Any:
        settings = self.settings
        endpoint = settings.s3_endpoint or settings.endpoint if service == "s3" else settings.endpoint
        config = Config(
            retries={"mode": "adaptive", "total_max_attempts": 1 if once else settings.max_attempts},
            connect_timeout=_CONNECT_S,
            read_timeout=_ANSWER_S,
            max_pool_connections=_CONNECTIONS,
            s3={"addressing_style": "path" if endpoint else "auto"},
            # newer checksums are AWS's own; other services refuse them
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        session = cloud_session(
            region=settings.region, profile=settings.profile, credentials_file=settings.credentials_file
        )
        client = session.client(service, endpoint_url=endpoint, config=config, verify=settings.ca_file)
        client.meta.events.register(f"before-call.{service}", partial(self._note, service))
        return client

    def _note(self, service: str, model: Any, **_: Any) -> None:
        self._calls.last = f"{service}:{model.name}"


def _known(value: Any) -> bool:
    return value is not None and not isinstance(value, Unknown)
