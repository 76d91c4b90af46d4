"""A server of the real service whose every process dies at a chosen point of its one request.

It reads its settings from the first line of its input, and prints its port. For each further line,
a number or null, it forks: the child serves one request and kills itself after that many points,
or tells at the end which points it passed. A point is an SQL statement or a commit that was done.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict
from subprocess import PIPE, Popen
from typing import IO, Any

import requests
from flask import Flask
from werkzeug.serving import make_server

from billing import create_app
from billing.database import db
from config import Config
from tests.support import statements
from tests.support.serving import QuietHandler


class Mortal:
    """The server, seen from outside."""

    def __init__(self, config: Config) -> None:
        command = [sys.executable, "-m", "tests.support.mortal"]
        self._process = Popen(command, stdin=PIPE, stdout=PIPE, text=True)
        self._say(asdict(config))
        self._url = f"http://127.0.0.1:{self._hear()}/webhooks/stripe"

    def points(self, body: bytes, headers: dict[str, str]) -> list[str]:
        """Post an event that is served to the end; name the points on the way."""
        self._say(None)
        assert requests.post(self._url, body, headers=headers, timeout=30).status_code == 200
        passed: list[str] = self._hear()
        assert self._hear() == 0
        return passed

    def die(self, point: int, body: bytes, headers: dict[str, str]) -> bool:
        """Post an event that is served up to a point; say whether an answer came all the same."""
        self._say(point)
        try:
            requests.post(self._url, body, headers=headers, timeout=30)
        except requests.ConnectionError:
            return False
        finally:
            assert self._hear() == -signal.SIGKILL
        return True

    def stop(self) -> None:
        """End it."""
        _of(self._process.stdin).close()
        _of(self._process.stdout).close()
        self._process.wait(30)

    def _say(self, told: Any) -> None:
        print(json.dumps(told), file=self._process.stdin, flush=True)

    def _hear(self) -> Any:
        return json.loads(_of(self._process.stdout).readline())


def _of(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


def main() -> None:
    """Fork for each line of the input."""
    settings = json.loads(sys.stdin.readline())
    secrets = tuple(settings["stripe_webhook_secrets"])
    app = create_app(Config(**settings | {"stripe_webhook_secrets": secrets}))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        for line in sys.stdin:
            child = os.fork()
            if child == 0:
                print(json.dumps(serve_one(app, listening, json.loads(line))), flush=True)
                os._exit(0)
            _, status = os.waitpid(child, 0)
            print(os.waitstatus_to_exitcode(status), flush=True)


def serve_one(app: Flask, listening: socket.socket, last: int | None) -> Sequence[str]:
    """Serve one request up to a point, or to its end."""
    passed: list[str] = []

    def passes(name: str) -> None:
        passed.append(name)
        if len(passed) == last:
            os.kill(os.getpid(), signal.SIGKILL)

    with app.app_context():
        statements.watch(db.engine.dialect, passes)
    port, fd = listening.getsockname()[1], listening.fileno()
    make_server("127.0.0.1", port, app, request_handler=QuietHandler, fd=fd).handle_request()
    return passed


if __name__ == "__main__":
    main()
