"""`make run`: one command, and a newcomer buys a plan."""

import os
import random
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
import requests

from tests.support.source import ROOT
from tests.support.waiting import eventually

ACCOUNT = {"email": "you@example.com", "password": "a long way from home"}
PAYS = {"card": "4242424242424242"}

pytestmark = pytest.mark.slow


class Running:
    """`make run`, without make: its port, its words, its end."""

    def __init__(self, instance: Path, port: int, **env: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, "scripts/run.py", "--instance", str(instance), "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def read_until(self, words: str) -> None:
        """Read what it says until the words have come, or until it ends."""
        assert self.process.stdout is not None
        limit = Timer(180, self.process.kill)
        limit.start()
        while words not in self.said and (line := self.process.stdout.readline()):
            self.said += line
        limit.cancel()
        assert words in self.said, self.said

    def end(self, number: int = signal.SIGINT) -> int:
        """Stop it as a terminal does, by a signal to all, and return its exit code."""
        os.killpg(self.process.pid, number)
        return self.rest()

    def rest(self) -> int:
        """Wait until it ends by itself."""
        self.said += self.process.communicate(timeout=120)[0]
        return self.process.returncode


Run = Callable[..., Running]


@pytest.fixture
def port() -> int:
    """A port that is free, and so is its neighbour."""
    for _ in range(100):
        candidate = random.randrange(20_000, 30_000)  # below those that systems give away
        with socket.socket() as one, socket.socket() as next_to_it:
            try:
                one.bind(("127.0.0.1", candidate))
                next_to_it.bind(("127.0.0.1", candidate + 1))
            except OSError:
                continue
            return candidate
    raise AssertionError("no two ports are free")


@pytest.fixture
def run(tmp_path: Path, port: int) -> Iterator[Run]:
    """Start it over data of its own, and leave nothing running."""
    with ExitStack() as after:

        def start(**env: str) -> Running:
            running = Running(tmp_path / "instance", port, **env)
            after.enter_context(running.process)
            after.callback(running.process.terminate)
            return running

        yield start


def test_a_newcomer_buys_pro_and_finds_it_again_after_a_restart(run: Run, tmp_path: Path) -> None:
    first = run()
    first.read_until("Ctrl-C")
    token = post(first.url, "/v1/auth/register", ACCOUNT)["access_token"]

    assert plan_of(first.url, token) == "free"
    checkout = post(
        first.url, "/v1/subscription/checkout", {"plan": "pro", "interval": "month"}, token
    )
    requests.post(checkout["url"], data=PAYS, allow_redirects=False, timeout=10)
    eventually(lambda: plan_of(first.url, token) == "pro")
    secrets = (tmp_path / "instance" / "dev.env").read_text()
    assert first.end() == 0

    second = run()
    second.read_until("Ctrl-C")
    assert plan_of(second.url, post(second.url, "/v1/auth/login", ACCOUNT)["access_token"]) == "pro"
    assert (tmp_path / "instance" / "dev.env").read_text() == secrets
    assert second.end(signal.SIGHUP) == 0
    assert not listens(second.url)


def test_everything_is_for_the_owner_alone_also_what_was_open_before(
    run: Run, tmp_path: Path
) -> None:
    instance = tmp_path / "instance"
    instance.mkdir(mode=0o755)
    (instance / "billing.db").touch(0o644)

    run().read_until("Ctrl-C")

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in instance.iterdir()}
    assert {"billing.db", "dev.env", "emulator.db", "service.log"} <= modes.keys()
    assert {name: mode for name, mode in modes.items() if mode != 0o600} == {}
    assert stat.S_IMODE(instance.stat().st_mode) == 0o700


def test_a_taken_port_is_named(run: Run, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        running = run()

        assert running.rest() == 1

    assert f"Port {port} is taken" in running.said


def test_half_of_a_real_stripe_is_refused(run: Run) -> None:
    running = run(STRIPE_SECRET_KEY="sk_test_4242")

    assert running.rest() == 1
    assert "STRIPE_WEBHOOK_SECRET" in running.said


def test_a_setting_that_cannot_be_right_is_named(run: Run) -> None:
    running = run(LOG_LEVEL="LOUD")

    assert running.rest() == 1
    assert "LOG_LEVEL must be" in running.said


def test_the_death_of_a_part_ends_the_whole_and_is_told(run: Run, tmp_path: Path) -> None:
    running = run()
    running.read_until("Ctrl-C stops")

    os.kill(int((tmp_path / "instance" / "service.pid").read_text()), signal.SIGKILL)

    assert running.rest() == 1
    assert "The service ended by itself" in running.said
    assert not listens(running.url)


def post(url: str, path: str, body: dict[str, str], token: str = "") -> dict[str, Any]:
    """Post JSON as the caller and return the answer's body."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = requests.post(url + path, json=body, headers=headers, timeout=10)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def plan_of(url: str, token: str) -> str:
    """Ask which plan the caller is on."""
    headers = {"Authorization": f"Bearer {token}"}
    answer = requests.get(f"{url}/v1/subscription/me", headers=headers, timeout=10)
    return str(answer.json()["plan"])


def listens(url: str) -> bool:
    """Tell whether anybody still listens there."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0
