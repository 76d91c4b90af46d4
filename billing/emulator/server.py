"""The HTTP server: quiet, threaded, on loopback, and gone at once when stopped."""

import socket
import threading
from contextlib import suppress
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

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


class Server(ThreadedWSGIServer):
    """Serves an application from a thread of its own until it is stopped."""

    daemon_threads = True

    def __init__(self, app: Flask, port: int) -> None:
        super().__init__("127.0.0.1", port, app, QuietHandler)
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
