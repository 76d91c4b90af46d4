"""Processes die in the middle of counting: still exactly the quota is admitted, none lost."""

import multiprocessing
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from billing import create_app
from billing.database import reading
from billing.entitlements import get_current_period_usage, increment_usage
from billing.errors import QuotaExceeded, fact_of
from billing.models import Metric, UsageKey
from config import Config
from tests.support import databases
from tests.support.factories import a_plan, a_user
from tests.support.waiting import eventually

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
JOBS = Metric.JOBS_CREATED
PATIENCE = 600


@dataclass(frozen=True)
class Storm:
    """How many attempts, by whom, on which quota, and how many processes are killed meanwhile."""

    processes: int
    threads: int
    attempts: int
    limit: int
    kills: int


SMALL = Storm(processes=4, threads=2, attempts=600, limit=500, kills=3)
LARGE = Storm(processes=8, threads=8, attempts=12_000, limit=10_000, kills=12)


def is_admitted(user_id: UUID, key: str) -> bool:
    """Count one for the key; a 503 is tried again, as a caller would."""
    while True:
        try:
            increment_usage(user_id, JOBS, key=key)
        except QuotaExceeded:
            return False
        except Exception as error:
            if fact_of(error).status != 503:
                raise
            time.sleep(0.05)
        else:
            return True


def work(
    config: Config, user_id: UUID, keys: list[str], threads: int, admitted: Connection
) -> None:
    """Try every key, from several threads; tell which were admitted when all is done."""
    app = create_app(config)

    def attempt(key: str) -> bool:
        with app.app_context():
            return is_admitted(user_id, key)

    with ThreadPoolExecutor(threads) as pool:
        answers = list(pool.map(attempt, keys))
    admitted.send([key for key, answer in zip(keys, answers, strict=True) if answer])
    databases.close(app)


class Worker:
    """A process with its share of the keys. Killed, another one begins the share anew."""

    def __init__(self, config: Config, user_id: UUID, keys: list[str], threads: int) -> None:
        self._told = (config, user_id, keys, threads)
        self._start()

    def _start(self) -> None:
        self._answer, theirs = FORKS.Pipe(duplex=False)
        self.process = FORKS.Process(target=work, args=(*self._told, theirs))
        self.process.start()
        theirs.close()

    def kill(self) -> int | None:
        """Kill the process at whatever it is doing; return how it ended."""
        self.process.kill()
        self.process.join()
        ended = self.process.exitcode
        self._answer.close()
        self._start()
        return ended

    def admitted(self) -> list[str]:
        """Wait for the end of the share."""
        keys: list[str] = self._answer.recv()
        self.process.join()
        self._answer.close()
        return keys


def used(user_id: UUID) -> int:
    return get_current_period_usage(user_id)[JOBS].used


def strike(workers: list[Worker]) -> int | None:
    """Kill the first that is at work; return how it ended. Who had just finished is passed over."""
    return next(ended for one in workers if one.process.is_alive() and (ended := one.kill()) != 0)


def weather(storm: Storm, config: Config, user_id: UUID) -> tuple[list[str], list[int | None]]:
    """Run all shares, kill one process after another; return what was admitted, who was killed."""
    keys = [f"job-{number}" for number in range(storm.attempts)]
    shares = [keys[start :: storm.processes] for start in range(storm.processes)]
    workers = [Worker(config, user_id, share, storm.threads) for share in shares]
    killed = []
    for number in range(1, storm.kills + 1):
        reached = storm.limit * number // (storm.kills + 1)
        eventually(lambda reached=reached: used(user_id) >= reached, seconds=PATIENCE)
        turned = workers[number % len(workers) :] + workers
        killed.append(strike(turned))
    return [key for worker in workers for key in worker.admitted()], killed


@pytest.mark.parametrize(
    "storm",
    [
        pytest.param(SMALL, marks=pytest.mark.slow, id="small"),
        pytest.param(LARGE, marks=pytest.mark.long, id="large"),
    ],
)
def test_exactly_the_quota_is_admitted_though_processes_die(
    app: Flask, config: Config, storm: Storm
):
    a_plan("free", max_jobs_per_month=storm.limit)
    user_id = a_user().id

    admitted, killed = weather(storm, config, user_id)

    with reading() as session:
        counted = set(session.scalars(sa.select(UsageKey.key)))
    assert killed == [-signal.SIGKILL] * storm.kills
    assert used(user_id) == storm.limit
    assert len(admitted) == storm.limit
    assert set(admitted) == counted
