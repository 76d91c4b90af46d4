"""What do callers feel when Redis is killed, hangs and comes back, under load?"""

import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest
import requests

from billing import clock
from billing.operations.limit_storage import TIMEOUT_SECONDS
from config import Config
from tests.support.gunicorn import Gunicorn, running
from tests.support.redis import Server
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

PROCESSES = 2
CALLERS = 4
RATE = 60
AWAY_SECONDS = 3.0
IF_ALL_WAITED = CALLERS * AWAY_SECONDS / TIMEOUT_SECONDS
"""How many requests there could be while Redis hangs, if each waited for it."""

BACK = re.compile(r"at=(\S+) .*outcome=storage_back")


@dataclass
class Load:
    """Callers who ask all the time; what each answer was, and how many seconds it took."""

    url: str
    answers: list[tuple[int, float]] = field(default_factory=list)

    def call(self, over: threading.Event) -> None:
        while not over.is_set():
            began = time.monotonic()
            status = requests.get(f"{self.url}/v1/plans", timeout=30).status_code
            self.answers.append((status, time.monotonic() - began))

    def taken(self) -> list[tuple[int, float]]:
        """What came since it was last asked."""
        self.answers, answers = [], self.answers
        return answers


@pytest.fixture
def database(postgresql_database: str) -> str:
    """Several processes need PostgreSQL."""
    return postgresql_database


@pytest.fixture
def gunicorn(config: Config, redis_server: Server, tmp_path: Path) -> Iterator[Gunicorn]:
    told = replace(config, redis_url=redis_server.url)
    workers = ("--workers", str(PROCESSES))
    with running(told, tmp_path / "log", *workers, RATE_LIMIT=f"{RATE}/hour") as gunicorn:
        gunicorn.wait_until_ready()
        yield gunicorn


@contextmanager
def under_load(url: str) -> Iterator[Load]:
    load, over = Load(url), threading.Event()
    with ThreadPoolExecutor(CALLERS) as pool:
        callers = [pool.submit(load.call, over) for _ in range(CALLERS)]
        try:
            yield load
        finally:
            over.set()
    for one in callers:
        one.result()


@pytest.mark.usefixtures("app")
def test_redis_dies_comes_back_hangs_and_wakes(
    gunicorn: Gunicorn, redis_server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    with under_load(gunicorn.url) as load:
        eventually(lambda: 429 in dict(load.answers) and admitted(load.answers) == RATE)
        shared = load.taken()

        redis_server.stop()
        time.sleep(AWAY_SECONDS)
        dead = load.taken()
        redis_server.start()
        after_death = seconds_until_used(gunicorn, clock.utc_now(), times=PROCESSES)
        restarted = load.taken()

        redis_server.signal(signal.SIGSTOP)
        time.sleep(AWAY_SECONDS)
        hung = load.taken()
        redis_server.signal(signal.SIGCONT)
        after_sleep = seconds_until_used(gunicorn, clock.utc_now(), times=2 * PROCESSES)
        woken = load.taken()

    waited = [seconds for _, seconds in hung if seconds > 0.15]
    everything = [*shared, *dead, *restarted, *hung, *woken, *load.answers]
    assert {status for status, _ in everything} == {200, 429}
    assert admitted(shared) == RATE
    assert RATE <= admitted(dead) <= PROCESSES * RATE
    assert admitted(everything) <= (2 + PROCESSES) * RATE
    assert len(hung) > 2 * IF_ALL_WAITED
    assert max(after_death, after_sleep) < 10
    with capsys.disabled():
        print(f"\nRedis used again after {after_death:.1f} s (killed), {after_sleep:.1f} s (hung)")
        print(f"{len(waited)} of {len(hung)} waited while it hung: {max(waited, default=0):.2f} s")


def admitted(answers: list[tuple[int, float]]) -> int:
    return sum(status == 200 for status, _ in answers)


def seconds_until_used(gunicorn: Gunicorn, since: datetime, times: int) -> float:
    """Wait until every process uses Redis again; tell after how many seconds the last did."""
    eventually(lambda: len(BACK.findall(gunicorn.said())) == times)
    last = max(datetime.fromisoformat(at) for at in BACK.findall(gunicorn.said()))
    return max(0.0, (last - since).total_seconds())
