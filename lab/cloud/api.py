"""The API: moto's server application behind TLS, one call at a time."""

from __future__ import annotations

import io
import logging
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

__all__ = ["Api"]

# Of moto's own: it would let anybody wipe the cloud, and no cloud has it.
_NOT_OF_A_CLOUD = ("/moto-api", "/favicon.ico", "/latest/")
_ONLY_ASKS = ("Describe", "Get", "List")

log = logging.getLogger("lab.cloud")


class Api:
    """`lock` is held during every call: who holds it sees nothing half done. What may have changed something wakes
    those who wait for it."""

    def __init__(self, address: str, port: int, certificate: Path) -> None:
        self.lock = threading.Condition()
        self._application = DomainDispatcherApplication(create_backend_app)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server: BaseWSGIServer = make_server(
            address, port, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        # the handshake is the thread's of the connection: a client that says nothing keeps nobody else waiting
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._server.ssl_context = context
        self.port = self._server.server_port

    def start(self) -> None:
        """Answer in a thread."""
        threading.Thread(target=self._server.serve_forever, name="api", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if str(environ.get("PATH_INFO")).startswith(_NOT_OF_A_CLOUD):
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        chunked = environ.get("HTTP_TRANSFER_ENCODING") == "chunked"
        body = environ["wsgi.input"].read(*([] if chunked else [int(environ.get("CONTENT_LENGTH") or 0)]))
        environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        _show_whose_it_is(environ)
        call = _name(environ, body)
        with self.lock:
            answer: Iterable[bytes] = self._application(environ, start_response)
            if not call.startswith(_ONLY_ASKS):
                log.info("asked: %s", call)
                self.lock.notify_all()
        return answer


def _show_whose_it_is(environ: dict[str, Any]) -> None:
    """A request that was signed beforehand names its service in the query; moto looks for it in a header only."""
    (signer,) = parse_qs(environ.get("QUERY_STRING", "")).get("X-Amz-Credential", [""])
    if signer and "HTTP_AUTHORIZATION" not in environ:
        environ["HTTP_AUTHORIZATION"] = f"AWS4-HMAC-SHA256 Credential={signer}"


def _name(environ: dict[str, Any], body: bytes) -> str:
    """`RunInstances` of EC2; method and path of S3, whose GET and HEAD count as Get."""
    asked = environ.get("QUERY_STRING", "") + "&" + body.decode(errors="replace")
    action = parse_qs(asked).get("Action") if environ["PATH_INFO"] == "/" else None
    method = environ["REQUEST_METHOD"]
    return action[0] if action else f"{'Get' if method in ('GET', 'HEAD') else method} {environ['PATH_INFO']}"
