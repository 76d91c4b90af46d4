"""A door between the service and Stripe: answers are made at once, and let out when told to."""

import threading
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError

from werkzeug.serving import make_server

from tests.support.serving import QuietHandler

PATIENCE = 20.0


class Gate:
    """Passes GET requests on to the emulator; holds back the answers of `/v1/subscriptions`."""

    def __init__(self, behind: str) -> None:
        self._behind = behind
        self._open = threading.Event()
        self._open.set()
        self._asked = threading.Semaphore(0)
        self.fetches = 0

    def close(self) -> threading.Event:
        """Hold back the answers from now on; set the event to let those out."""
        self._open = threading.Event()
        self._asked = threading.Semaphore(0)
        return self._open

    def leave_open(self) -> None:
        """Let later answers pass; those held back stay so."""
        self._open = threading.Event()
        self._open.set()

    def wait_until_asked(self) -> None:
        """Wait until one more answer is made; it may be held back."""
        assert self._asked.acquire(timeout=PATIENCE)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        is_open = self._open
        status, headers, body = self._answer(environ)
        if environ["PATH_INFO"] == "/v1/subscriptions":
            self.fetches += 1
            self._asked.release()
            assert is_open.wait(PATIENCE)
        start_response(status, headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        address = f"{self._behind}{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
        headers = {"Authorization": environ["HTTP_AUTHORIZATION"]}
        asked = urllib.request.Request(address, headers=headers)  # noqa: S310 - loopback
        try:
            answer = urllib.request.urlopen(asked, timeout=PATIENCE)  # noqa: S310 - loopback
        except HTTPError as refusal:
            answer = refusal
        with answer:
            passed_on = [("Date", answer.headers["Date"]), ("Content-Type", "application/json")]
            return f"{answer.status} told", passed_on, answer.read()


@contextmanager
def gated(behind: str) -> Iterator[tuple[Gate, str]]:
    """Put a gate before the emulator; yield it with its address."""
    gate = Gate(behind)
    server = make_server("127.0.0.1", 0, gate, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, name="gate")
    thread.start()
    try:
        yield gate, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
