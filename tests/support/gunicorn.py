"""How does the service run in production? Real gunicorn, with processes of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from config import Config
from tests.support.source import ROOT

START_SECONDS = 60
STOP_SECONDS = 30


@dataclass
class Gunicorn:
    """One gunicorn with its workers."""

    url: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def said(self) -> str:
        """Everything that was logged so far."""
        return self.log.read_text()

    def wait_until_ready(self) -> None:
        """Wait until a worker answers."""
        end = time.monotonic() + START_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.1)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False


@contextmanager
def running(config: Config, log: Path, *options: str, **env: str) -> Iterator[Gunicorn]:
    """Start it over these settings on a free port; at the end nothing of it is left."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "gunicorn", "--bind", address, "--threads", "4", *options]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*command, "wsgi:app"],
            cwd=ROOT,
            env=environment(config) | env,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Gunicorn(f"http://{address}", process, log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(STOP_SECONDS)


def environment(config: Config) -> dict[str, str]:
    """Write the settings as the environment tells them."""
    told = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": config.database_url,
        "STRIPE_SECRET_KEY": config.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": ",".join(config.stripe_webhook_secrets),
        "STRIPE_API_BASE": config.stripe_api_base,
        "JWT_SECRET": config.jwt_secret,
    }
    return told | ({"REDIS_URL": config.redis_url} if config.redis_url else {})
