"""Which processes are measured, and what do they use of the processors?"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path

from bench.events import Template
from bench.load import CONNECTIONS


@dataclass(frozen=True)
class Target:
    """One server under measurement."""

    database: str
    kind: str
    port: int
    pid: int


@contextmanager
def served(database: str, kind: str, url: str, stripe_url: str) -> Iterator[Target]:
    """Run gunicorn with one process of as many threads as there are connections."""
    processing = "worker" if kind == "record" else "inline"
    made = f"service({url!r}, {processing!r}, {stripe_url!r})"
    if kind.startswith("floor"):
        made = f"floor({url!r}, in_turns={kind == 'floor in turns'})"
    port = free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--threads", str(CONNECTIONS)]
    options += ["--worker-class", "gthread", "--keep-alive", "600", "--log-level", "warning"]
    command = [sys.executable, "-m", "gunicorn", *options, f"bench.apps:{made}"]
    with subprocess.Popen(command) as process:
        try:
            wait_for(port)
            first_answer(port)
            worker = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0]
            yield Target(database, kind, port, int(worker))
        finally:
            process.terminate()


@contextmanager
def stand_in(known: Template) -> Iterator[str]:
    """Run the process that answers for Stripe."""
    port = free_port()
    command = [sys.executable, "-m", "bench.stand_in", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(asdict(known)))
            process.stdin.close()
            wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def cpu_seconds(pid: int) -> float:
    """What a process has used of the processors, its own work and the system's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def first_answer(port: int) -> None:
    """Wait until the worker behind the port is up: the port itself opens sooner."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    connection.getresponse().read()
    connection.close()


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on {port}")
