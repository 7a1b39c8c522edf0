"""A proxy before the JSON gateway that swallows the answer to a commit when it is told to."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from base64 import b64encode
from types import TracebackType
from typing import Any

from tests.live.minicore.rig import KEYS

_LOG = b64encode((KEYS.base + "log/").encode()).decode().rstrip("=")[:-1]


class LossyProxy:
    """Forwards every call; a commit's answer is lost while `lose_next_commit` is set, once."""

    def __init__(self, target: int) -> None:
        self.lose_next_commit = threading.Event()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v3/watch":
                    self.send_error(503)  # reads alone must do, too
                    return
                connection = http.client.HTTPConnection("127.0.0.1", target)
                connection.request("POST", self.path, body)
                answer = connection.getresponse()
                data = answer.read()
                if proxy.lose_next_commit.is_set() and _is_commit(body):
                    proxy.lose_next_commit.clear()
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> LossyProxy:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _is_commit(body: bytes) -> bool:
    data: dict[str, Any] = json.loads(body)
    puts = (each.get("request_put", {}).get("key", "") for each in data.get("success", ()))
    # An entry with a session's command, not a tick: those hold 12 bytes of commands at most.
    return any(key.startswith(_LOG) for key in puts) and len(body) > 700
