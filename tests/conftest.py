"""What all tests share: which of them need the lab, and what fuzzers begin with."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("dingli", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("dingli")

_LIVE = Path(__file__).parent / "live"
_LIVE_TIMEOUT_S = 1800  # with the fixtures that the first test of a session waits for


def pytest_addoption(parser: pytest.Parser) -> None:
    fuzzing = parser.getgroup("fuzzing")
    fuzzing.addoption("--fuzz-seed", type=int, default=20261121, help="where fuzzers begin; a failure names its seed")
    fuzzing.addoption("--fuzz-times", type=float, default=1.0, help="multiplies the number of a fuzzer's cases")


@dataclass(frozen=True)
class Fuzz:
    """What a fuzzer is given: the same seed makes the same cases."""

    seed: int
    times: float

    def cases(self, usual: int) -> range:
        """Numbers of the cases to try."""
        return range(max(1, round(usual * self.times)))

    def random(self, case: int) -> random.Random:
        """The source of one case's randomness."""
        return random.Random(f"{self.seed}/{case}")

    @contextmanager
    def naming(self, case: object, what: object = "") -> Iterator[None]:
        """A failure in here says how to have it again."""
        try:
            yield
        except BaseException as error:
            error.add_note(f"case {case} of --fuzz-seed {self.seed}\n{what}")
            raise


@pytest.fixture(scope="session")
def fuzz(pytestconfig: pytest.Config) -> Fuzz:
    return Fuzz(pytestconfig.getoption("--fuzz-seed"), pytestconfig.getoption("--fuzz-times"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything under tests/live needs the lab and may take longer, so that nobody has to mark it."""
    for item in items:
        if _LIVE in item.path.parents:
            item.add_marker(pytest.mark.live)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(_LIVE_TIMEOUT_S))
