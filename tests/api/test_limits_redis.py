"""Rate limits over a real Redis: shared while it lives, per process while it does not."""

import logging
import multiprocessing
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from redis import Redis

from billing import create_app
from billing.api.limits import STRATEGY
from billing.operations.limit_storage import PAUSE_SECONDS, storage_of
from billing.operations.redis_counts import RedisCounts
from tests.conftest import configured
from tests.support import databases
from tests.support.redis import Server
from tests.support.waiting import eventually

RATE = 5
PLANS = "/v1/plans"


@pytest.fixture
def clients(
    redis_server: Server, sqlite_template: Path, tmp_path: Path
) -> Iterator[list[FlaskClient]]:
    """Clients of two applications, as two processes would hold them, on one Redis."""
    file = shutil.copy(sqlite_template, tmp_path / "billing.db")
    config = replace(
        configured(f"sqlite:///{file}"), redis_url=redis_server.url, rate_limit=f"{RATE}/minute"
    )
    apps = [create_app(config) for _ in range(2)]
    yield [app.test_client() for app in apps]
    for app in apps:
        databases.close(app)


def ask(client: FlaskClient, times: int = 1) -> list[int]:
    return [client.get(PLANS).status_code for _ in range(times)]


def test_one_budget_is_shared_by_processes(clients: list[FlaskClient], redis_server: Server):
    first, second = clients

    seen = [*ask(first, 3), *ask(second, 3)]

    assert seen == [200] * RATE + [429]
    with Redis.from_url(redis_server.url) as connection:
        keys = list(connection.scan_iter())
    assert keys
    assert all(STRATEGY.encode() in key for key in keys)


def test_a_request_asks_redis_once(clients: list[FlaskClient], redis_server: Server):
    ask(clients[0])
    with Redis.from_url(redis_server.url) as connection:
        before = connection.info("commandstats")["cmdstat_evalsha"]["calls"]
        others = asked_besides(connection)

        answers = [clients[0].get(PLANS) for _ in range(3)]

        assert connection.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 3
        assert asked_besides(connection) == others
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["3", "2", "1"]
    assert all(58 <= int(answer.headers["RateLimit-Reset"]) <= 60 for answer in answers)


def asked_besides(connection: Redis) -> int:
    """How often was a count or its end asked for by itself?"""
    stats = connection.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("get", "ttl"))


def test_a_window_in_redis_ends(redis_server: Server):
    storage = RedisCounts(redis_server.url)

    counts = [storage.incr("mine", 1), storage.incr("mine", 1)]
    ends = storage.get_expiry("mine")
    eventually(lambda: storage.get("mine") == 0)

    assert (counts, storage.incr("mine", 1)) == ([1, 2], 1)
    assert ends <= time.time() + 1


def test_without_redis_limits_go_on_in_each_process(
    clients: list[FlaskClient], redis_server: Server
):
    first, second = clients
    ask(first, 3)

    redis_server.stop()

    assert ask(first, RATE + 1) == [200] * RATE + [429]
    assert ask(second, RATE + 1) == [200] * RATE + [429]


def test_a_hung_redis_holds_up_one_request_briefly_and_the_next_not_at_all(
    clients: list[FlaskClient], redis_server: Server
):
    client = clients[0]
    ask(client)

    redis_server.signal(signal.SIGSTOP)
    began = time.monotonic()
    first = ask(client)
    noticed = time.monotonic()
    others = ask(client, 2)

    assert (first, others) == ([200], [200, 200])
    assert noticed - began < 1
    assert time.monotonic() - noticed < 0.5


def test_a_redis_that_comes_back_is_used_again(clients: list[FlaskClient], redis_server: Server):
    first, second = clients
    redis_server.stop()
    ask(first), ask(second)
    redis_server.start()

    eventually(lambda: not is_away(first) and not is_away(second))

    assert [*ask(first, 3), *ask(second, 3)] == [200] * RATE + [429]


def test_no_request_is_needed_to_notice_that_redis_woke(
    clients: list[FlaskClient], redis_server: Server
):
    client = clients[0]
    redis_server.signal(signal.SIGSTOP)
    ask(client)
    away = is_away(client)
    redis_server.signal(signal.SIGCONT)
    woke = time.monotonic()

    eventually(lambda: not is_away(client))

    assert away
    assert time.monotonic() - woke < 5


def test_a_redis_that_answers_but_cannot_count_is_away(
    clients: list[FlaskClient], redis_server: Server
):
    client = clients[0]
    with Redis.from_url(redis_server.url) as connection:
        connection.config_set("maxmemory", 1)
        ask(client)
        time.sleep(2 * PAUSE_SECONDS)
        full = is_away(client)
        connection.config_set("maxmemory", 0)

    eventually(lambda: not is_away(client))

    assert full


def test_one_thread_looks_out_and_ends_with_the_outage(
    clients: list[FlaskClient], redis_server: Server
):
    client = clients[0]
    others = lookouts()
    redis_server.stop()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(client.application.test_client()), range(16)))
    while_away = lookouts() - others
    redis_server.start()

    eventually(lambda: not lookouts() - others)

    assert {status for one in answers for status in one} <= {200, 429}
    assert len(while_away) == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded")  # as in production, at worst
def test_a_process_forked_in_an_outage_looks_out_itself(
    clients: list[FlaskClient], redis_server: Server
):
    client = clients[0]
    redis_server.stop()
    ask(client)

    child = multiprocessing.get_context("fork").Process(target=ask_until_back, args=(client,))
    child.start()
    redis_server.start()
    child.join(60)

    assert child.exitcode == 0


def test_readiness_tells_of_outages_and_stays(clients: list[FlaskClient], redis_server: Server):
    client = clients[0]
    before = client.get("/readyz")
    redis_server.stop()
    ask(client)
    meanwhile = client.get("/readyz")
    redis_server.start()
    eventually(lambda: not is_away(client))

    after = client.get("/readyz")

    assert [one.status_code for one in (before, meanwhile, after)] == [200] * 3
    assert before.get_json()["limits"] == {"counted": "shared", "outages": 0}
    assert meanwhile.get_json()["limits"] == {"counted": "per_process", "outages": 1}
    assert after.get_json()["limits"] == {"counted": "shared", "outages": 1}


def test_a_service_started_without_redis_answers_and_limits(
    redis_server: Server, sqlite_template: Path, tmp_path: Path
):
    redis_server.stop()
    file = shutil.copy(sqlite_template, tmp_path / "billing.db")
    app = create_app(
        replace(configured(f"sqlite:///{file}"), redis_url=redis_server.url, rate_limit="1/minute")
    )

    seen = ask(app.test_client(), 2)
    databases.close(app)

    assert seen == [200, 429]


def test_an_outage_is_told_once_and_so_is_its_end(
    clients: list[FlaskClient], redis_server: Server, caplog: pytest.LogCaptureFixture
):
    client = clients[0]
    redis_server.stop()
    ask(client, 3)
    redis_server.start()
    eventually(lambda: not is_away(client))
    ask(client, 2)

    told = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    away, back = told
    assert away == "rate_limits=per_process outcome=storage_away outage=1"
    assert back.startswith("rate_limits=shared outcome=storage_back outage=1 seconds=")
    assert back.endswith("hits=3")


def ask_until_back(client: FlaskClient) -> None:
    ask(client)
    eventually(lambda: not is_away(client))


def is_away(client: FlaskClient) -> bool:
    storage = storage_of(client.application)
    assert storage is not None
    return storage.is_away


def lookouts() -> set[threading.Thread]:
    return {one for one in threading.enumerate() if one.name == "redis-probe"}
