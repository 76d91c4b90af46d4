"""The fixtures: a closed machine, two real databases, the service, a client."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from billing import create_app
from billing.emulator import Emulator
from config import Config
from tests.support import browser, closed, databases, postgres, redis, serving
from tests.support.browser import Browser
from tests.support.openings import Opening, open_shop
from tests.support.requests import Client

closed.forget_environment()
databases.watch_readers()


@pytest.fixture(autouse=True)
def _closed_network(monkeypatch: pytest.MonkeyPatch) -> None:
    closed.close_network(monkeypatch)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that nobody has open."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    databases.migrate(configured(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Path]:
    """A running PostgreSQL: the directory of its socket."""
    with postgres.served(*postgres.FAST) as directory:
        yield directory


@pytest.fixture(scope="session")
def postgresql_database(postgresql_server: Path) -> str:
    """The address of a migrated database, shared by the tests of this process."""
    url = postgres.make_database(postgresql_server, "billing")
    databases.migrate(configured(url))
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty, migrated database. Each test that needs it runs on both."""
    if request.param == "sqlite":
        template = request.getfixturevalue("sqlite_template")
        return databases.copy_sqlite(template, tmp_path / "billing.db")
    url: str = request.getfixturevalue("postgresql_database")
    return url


@pytest.fixture
def config(database: str, request: pytest.FixtureRequest) -> Config:
    """Settings as a developer has them; a test of the emulator's finds Stripe there."""
    config = configured(database)
    if "emulator" not in request.fixturenames:
        return config
    emulator: Emulator = request.getfixturevalue("emulator")
    return replace(config, stripe_api_base=emulator.url)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An empty account at Stripe, so to speak, over real HTTP."""
    emulator = Emulator()
    emulator.serve()
    yield emulator
    emulator.stop()


@pytest.fixture
def make() -> Callable[[Config], Flask]:
    """What makes the application; the tests of a product in the same process name their own."""
    return create_app


@pytest.fixture
def app(make: Callable[[Config], Flask], config: Config) -> Iterator[Flask]:
    """The service over an empty database, with its context entered."""
    app = make(config)
    app.test_client_class = Client
    with app.app_context():
        yield app
        if not config.uses_sqlite:  # a file of SQLite's was this test's alone
            databases.empty()
    databases.close(app)


@pytest.fixture
def client(app: Flask) -> Client:
    """A client without a token."""
    client = app.test_client()
    assert isinstance(client, Client)
    return client


@pytest.fixture
def service(app: Flask, config: Config, emulator: Emulator) -> Iterator[str]:
    """The address of the service over real HTTP; the emulator posts its events there."""
    with serving.served(app) as url:
        emulator.add_webhook(f"{url}/webhooks/stripe", config.stripe_webhook_secrets[0])
        yield url
        emulator.stop()  # before the service: nothing may be posted to a closed door


@pytest.fixture(scope="session")
def opening(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Opening:
    """A shop that was opened for real, to be repeated."""
    directory = tmp_path_factory.mktemp("opening")
    database = databases.copy_sqlite(sqlite_template, directory / "billing.db")
    emulator = Emulator()
    config = replace(configured(database), stripe_api_base=emulator.serve())
    app = create_app(config)
    with app.app_context():
        opened = open_shop(config, emulator)
    emulator.stop()
    databases.close(app)
    return opened


@pytest.fixture
def shop(app: Flask, emulator: Emulator, opening: Opening) -> None:
    """Every plan of plans.toml, here and for sale at Stripe."""
    opening.repeat(emulator)


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Browser]:
    """A tab of a real browser."""
    chromium = browser.program()
    if chromium is None:
        pytest.skip("no chromium on the PATH")
    with browser.running(chromium, tmp_path / "profile") as tab:
        tab.look_like(1280)
        yield tab


@pytest.fixture(scope="session")
def redis_program() -> str:
    """Where a real Redis can be started from."""
    program = redis.program()
    if program is None:
        pytest.skip("no redis-server on the PATH, and no wheel of it for this Python")
    return program


@pytest.fixture(scope="session")
def redis_url(redis_program: str) -> Iterator[str]:
    """The address of a real Redis."""
    with redis.served(redis_program) as server:
        yield server.url


@pytest.fixture
def redis_server(redis_program: str) -> Iterator[redis.Server]:
    """A real Redis of this test's own, to be killed and hung."""
    with redis.served(redis_program) as server:
        yield server


def configured(database_url: str) -> Config:
    """Make the settings of a test, with secrets that open nothing."""
    return Config(
        database_url=database_url,
        stripe_secret_key="sk_test_made_up_for_tests",
        stripe_webhook_secrets=("whsec_made_up_for_tests_only",),
        jwt_secret="made-up-for-tests: 0123456789 abcdef",
        stripe_api_base="http://127.0.0.1:9",  # nothing listens there
    )
