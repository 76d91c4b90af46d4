"""How do programs run beside one another, so that none is left behind?"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryFile
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_SECONDS = 90
STOP_SECONDS = 15
GONE_SECONDS = 5


class Failure(Exception):
    """Why it cannot go on, for the reader of the terminal."""


class Stopped(Exception):
    """Somebody asked us to stop."""


class Children:
    """The programs that run beside one another: none outlives another, and none outlives us."""

    def __init__(self, env: Mapping[str, str], logs: Path) -> None:
        self._env = env
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._asked_to_stop = False
        for name in ENDS:
            signal.signal(name, self._ask_to_stop)

    def start(self, name: str, *command: str) -> None:
        """Start a program; what it says goes to its log."""
        with open(self._logs / f"{name}.log", "ab") as log:
            self._running[name] = self._spawn(command, log)

    def run(self, *command: str, must: bool = True) -> str:
        """Run a program to its end and return what it said. Raises Failure if it must not fail."""
        with TemporaryFile() as said:
            child = self._running["command"] = self._spawn(command, said)
            while child.poll() is None:
                self.rest(0.05)
            del self._running["command"]
            said.seek(0)
            text = said.read().decode(errors="replace").strip()
        if must and child.returncode != 0:
            raise Failure(f"{' '.join(command)} failed:\n{text[-2000:]}")
        return text

    def wait_for(self, port: int, path: str) -> None:
        """Wait until an address answers."""
        end = time.monotonic() + START_SECONDS
        while not answers(port, path):
            if time.monotonic() > end:
                raise Failure(f"Nothing answers on {HOST}:{port}{path}; see {self._logs}/*.log")
            self.rest(0.1)

    def rest(self, seconds: float) -> None:
        """Do nothing. Raises Stopped if asked to, Failure if a program has ended by itself."""
        if self._asked_to_stop:
            raise Stopped
        for name, child in self._running.items():
            if name != "command" and child.poll() is not None:
                log = self._logs / f"{name}.log"
                last = "\n".join(log.read_text().splitlines()[-5:])
                raise Failure(f"The {name} ended by itself ({child.returncode}); {log}:\n{last}")
        time.sleep(seconds)

    def stop(self) -> None:
        """End them all, the newest first, and whatever they started."""
        for child in reversed(self._running.values()):
            child.terminate()
        for child in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(STOP_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            wait_for_end_of_group(child.pid)

    def _spawn(self, command: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=ROOT,
            env=self._env,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for us alone; two signals can hang gunicorn
        )

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._asked_to_stop = True


def wait_for_end_of_group(group: int) -> None:
    """Wait until all of it is gone, and its ports with it: what is killed takes a moment."""
    end = time.monotonic() + GONE_SECONDS
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(group, 0)
            time.sleep(0.02)


def answers(port: int, path: str) -> bool:
    """Tell whether an address is served without a server's fault."""
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
