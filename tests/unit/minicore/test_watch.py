"""A watch whose token has expired is followed by one with a new token, not by the same refusal again and again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from dingli_minicore.config import EtcdAccess
from dingli_minicore.etcd import Etcd
from dingli_minicore.watch import Watch, WatchBroken

DEADLINE_S = 30


class Handler(BaseHTTPRequestHandler):
    """Gives numbered tokens, and refuses every watch but under the newest, as etcd's JSON gateway does."""

    tokens = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v3/auth/authenticate":
            Handler.tokens += 1
            self._answer({"token": f"token-{Handler.tokens}"})
        elif self.headers["Authorization"] == f"token-{Handler.tokens}" and Handler.tokens > 1:
            self._answer({"result": {"events": [{"kv": {"key": "aw==", "mod_revision": "1"}}]}})
        else:
            self._answer({"result": {"created": True, "canceled": True, "cancel_reason": "invalid auth token"}})

    def _answer(self, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    Handler.tokens = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    password = tmp_path / "password"
    password.write_text("word\n")
    yield Etcd(EtcdAccess((f"http://127.0.0.1:{server.server_port}",), None, "minicore", str(password)), 5.0)
    server.shutdown()
    server.server_close()


def test_a_broken_watch_is_followed_by_one_with_a_new_token(etcd: Etcd) -> None:
    inbox: Queue[Any] = Queue()
    first = Watch(etcd, ("a", "z"), 1, inbox, 5.0)
    first.start()
    assert inbox.get(timeout=DEADLINE_S) == WatchBroken(first)
    assert first.short_lived
    second = Watch(etcd, ("a", "z"), 1, inbox, 5.0)
    second.start()
    assert inbox.get(timeout=DEADLINE_S).events
