"""Waiting for the cloud."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from infra.providers.base.exceptions import ProviderError
from infra.providers.base.resource import Context
from infra.providers.industry.cloud import Cloud

__all__ = ["pauses", "wait"]

_FIRST_S = 0.2
_LONGEST_S = 5.0


def wait(cloud: Cloud, context: Context, what: str, condition: Callable[[], bool]) -> None:
    """Until `condition` holds, which asks the cloud. Raises `ProviderError` after the configured time, `Cancelled` when
    the engine stops."""
    limit_s = cloud.settings.wait_seconds
    deadline, pause_s = time.monotonic() + limit_s, _FIRST_S
    while not condition():
        context.cancellation.raise_if_requested()
        if time.monotonic() > deadline:
            raise ProviderError(
                f"{context.name}: after {limit_s} s it is still not true that {what}",
                "a cloud that does it sooner",
                "look at the object in the cloud; run `up` again: it goes on waiting (`industry:wait_seconds`)",
            )
        time.sleep(pause_s)
        pause_s = min(_LONGEST_S, pause_s * 1.5)


def pauses(context: Context, attempts: int) -> Iterator[float | None]:
    """How long to wait after each try that fails; None after the last."""
    for number in range(attempts):
        context.cancellation.raise_if_requested()
        yield None if number == attempts - 1 else random.uniform(0.5, 1) * min(20, 2**number / 2)  # noqa: S311 - jitter
