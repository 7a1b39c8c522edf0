"""A journal made by the reference, and an S3 service in this process."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from moto.server import ThreadedMotoServer

from dingli.archive import Bucket, Journal
from dingli.archive.segment import head_of_entry
from dingli.environment import Archive
from drills.checker.stream import RandomStream


def entries_of(seed: int, count: int) -> list[bytes]:
    return list(islice(RandomStream(seed).entries(10**9), count))


def journal_of(entries: list[bytes], cell: str = "alpha") -> Journal:
    """A journal that holds these entries; they may grow."""

    def dump(begin: int, end: int) -> str:
        held = [(n, entry) for entry in entries if begin <= (n := head_of_entry(entry).n) <= end]
        lines = [{"n": n, "mod_revision": n, "value": base64.b64encode(entry).decode()} for n, entry in held]
        return "".join(json.dumps(line) + "\n" for line in lines)

    return Journal(cell, dump)


def with_other_content(segment: bytes) -> bytes:
    """A segment whose first entry has another batch id, with its header as it was."""
    magic, header, packed = segment.split(b"\n", 2)
    content = bytearray(gzip.decompress(packed))
    content[4 + 24] ^= 0xFF
    return b"\n".join((magic, header, gzip.compress(bytes(content))))


@pytest.fixture(scope="session")
def entries() -> list[bytes]:
    return entries_of(1, 60)


@pytest.fixture(scope="session")
def service() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def settings(service: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Archive]:
    """Settings of a bucket of the test's own, and credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-of-the-secret-access-key")
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name.lower())[-60:].strip("-")
    return lambda: Archive(bucket=name, retention_days=30, endpoint=service)


@pytest.fixture
def bucket(settings: Callable[[], Archive]) -> Bucket:
    made = Bucket(settings())
    made.make()
    return made
