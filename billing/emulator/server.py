"""The HTTP server: quiet, threaded, on loopback, and gone at once when stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

STOPS_WITHIN = 0.02


class QuietHandler(WSGIRequestHandler):
    """Answers requests without a log line for each."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing: the requests are kept in `Emulator.requests`."""

    def connection_dropped(
        self, error: BaseException, environ: dict[str, Any] | None = None
    ) -> None:
        """Cut the connection, which would otherwise be kept for the next request."""
        self.close_connection = True


class Punctual:
    """Closes each answer as soon as it was sent, whatever the client does with the connection.

    Werkzeug reads what is left of the request first. A browser that follows a redirect may have
    reset the connection by then; that read fails, and the answer would never be closed: the events
    that leave then would never leave.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self._app = app

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Generator[bytes, None, None]:
        """Answer, and close."""
        return self._closed(self._app(environ, start_response))

    def _closed(self, answer: Any) -> Generator[bytes, None, None]:
        with closing(answer):
            for part in answer:  # noqa: UP028 - `yield from` would close it a second time
                yield part


class Server(ThreadedWSGIServer):
    """Serves an application from a thread of its own until it is stopped."""

    daemon_threads = True

    def __init__(self, app: Flask, port: int) -> None:
        super().__init__("127.0.0.1", port, Punctual(app), QuietHandler)
        self._connections: set[Any] = set()
        self._thread = threading.Thread(
            target=self.serve_forever, args=(STOPS_WITHIN,), daemon=True
        )

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection that is kept open."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it lasts."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        self._connections.discard(request)
        super().shutdown_request(request)
