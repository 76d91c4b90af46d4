"""Every command of `flask billing` under every fault: one line and an exit code, no traceback."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import responses
from click.testing import Result
from flask import Flask

from billing import commands, create_app
from billing.catalog import plans, seed
from billing.database import transaction
from tests.conftest import configured
from tests.support import databases
from tests.support.factories import a_user

STRIPE = r"http://127\.0\.0\.1:9/"
SENTENCE = "Something about this is wrong."
NOTHING: dict[str, object] = {"data": [], "has_more": False}
EMAIL = "somebody@example.com"
KEY_ID = "00000000-0000-4000-8000-000000000000"

CALLS = {
    "catalog apply": "",
    "catalog check": "",
    "catalog plan": "",
    "doctor": "",
    "events list": "",
    "events replay": "evt_1",
    "events show": "evt_1",
    "explain": EMAIL,
    "gaps": "",
    "ignore": "price price_1 --yes",
    "import-links": "links.csv",
    "keys create": "jobs --scope access",
    "keys list": "",
    "keys revoke": KEY_ID,
    "link-customer": f"{EMAIL} cus_1",
    "map-price": "price_1 pro",
    "move-link": f"{KEY_ID} cus_1 --reason mistake",
    "prune": "",
    "reconcile": "--rate 100",
    "refresh": "cus_1",
    "revoke-links": EMAIL,
    "seed-plans": "",
    "status": "",
    "unlink-customer": f"{KEY_ID} --reason mistake",
    "upgrade-link": f"{EMAIL} pro",
    "users create": "new@example.com --password-stdin",
    "users free-address": f"{EMAIL} --reason squatted",
    "users list": "",
    "webhook create": "",
    "webhook list": "",
    "webhook rotate": "",
    "webhook update": "we_1",
}
"""What an operator types. A command that is missing here makes a test fail."""

SERVERS = {"emulator", "worker"}
"""Commands that run until they are stopped; their own tests show what they do in a fault."""

STRIPE_FIRST = {
    "catalog apply",
    "catalog check",
    "webhook create",
    "webhook list",
    "webhook rotate",
    "webhook update",
}
"""Commands that ask Stripe before the database, or Stripe alone."""

REPORTS = {"doctor"}
"""Commands whose purpose is to name faults: they print findings and exit 1."""


@pytest.fixture(autouse=True)
def _in_a_folder_with_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run where links.csv is."""
    (tmp_path / "links.csv").write_text(f"user,customer\n{EMAIL},cus_1\n")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stripe_answers() -> Iterator[responses.RequestsMock]:
    """Stripe over HTTP, as the test says."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite is enough: what is looked at is how a command ends."""
    return databases.copy_sqlite(sqlite_template, tmp_path / "billing.db")


def run(app: Flask, command: str) -> Result:
    """Run the command as an operator does."""
    words = ["billing", *command.split(), *CALLS[command].split()]
    return app.test_cli_runner().invoke(args=words, input="four random words here\n")


def ends_clearly(result: Result) -> bool:
    """Check that the command ended by itself and printed no traceback."""
    ended_itself = result.exception is None or isinstance(result.exception, SystemExit)
    return ended_itself and "Traceback" not in result.output


@pytest.mark.usefixtures("app")
def test_every_command_is_tried_here() -> None:
    assert set(CALLS) | SERVERS == set(names_of(commands.billing))


@pytest.mark.parametrize("command", sorted(CALLS))
@pytest.mark.parametrize(
    "url",
    ["postgresql://postgres@127.0.0.1:9/billing", "sqlite:////nowhere/billing.db"],
    ids=["postgresql", "sqlite"],
)
def test_a_database_that_is_away_is_one_line_and_exit_code_4(
    url: str, command: str, stripe_answers: responses.RequestsMock
) -> None:
    answer(stripe_answers, 200, NOTHING)
    app = create_app(configured(url))

    result = run(app, command)

    assert ends_clearly(result), result.output
    if command not in STRIPE_FIRST | REPORTS:
        assert result.exit_code == 4
        assert result.stderr.splitlines()[-1] == (
            "Error: the database is busy or away; check DATABASE_URL and call it again"
        )


@pytest.mark.parametrize("command", sorted(CALLS))
def test_a_database_that_is_not_migrated_is_named_with_what_mends_it(
    command: str, tmp_path: Path, stripe_answers: responses.RequestsMock
) -> None:
    answer(stripe_answers, 200, NOTHING)
    app = create_app(configured(f"sqlite:///{tmp_path / 'empty.db'}"))

    result = run(app, command)

    assert ends_clearly(result), result.output
    if command not in STRIPE_FIRST | REPORTS:
        assert result.exit_code == 4
        assert "flask --app wsgi db upgrade" in result.stderr
    with app.app_context():
        databases.close(app)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
@pytest.mark.parametrize("command", sorted(CALLS))
def test_whatever_stripe_answers_a_command_ends_clearly(
    app: Flask, command: str, status: int, stripe_answers: responses.RequestsMock
) -> None:
    a_user(email=EMAIL)
    with transaction():
        seed.seed(plans.load(), "usd")
    refuse(stripe_answers, status)

    result = run(app, command)

    assert ends_clearly(result), result.output
    assert result.exit_code in {0, 1, 3}


@pytest.mark.parametrize("command", ["catalog plan", "webhook list", "map-price"])
def test_a_refusal_is_told_in_stripes_own_words_with_the_request_id(
    app: Flask, command: str, stripe_answers: responses.RequestsMock
) -> None:
    with transaction():
        seed.seed(plans.load(), "usd")
    refuse(stripe_answers, 400)

    result = run(app, command)

    assert result.exit_code == 1
    assert SENTENCE in result.stderr
    assert "req_8" in result.stderr


def test_a_refused_key_is_told_with_what_mends_it(
    app: Flask, stripe_answers: responses.RequestsMock
) -> None:
    refuse(stripe_answers, 401)

    result = run(app, "webhook list")

    assert result.exit_code == 1
    assert "STRIPE_SECRET_KEY" in result.stderr


def test_stripe_away_is_an_exit_code_of_its_own(
    app: Flask, stripe_answers: responses.RequestsMock
) -> None:
    refuse(stripe_answers, 500)

    assert run(app, "webhook list").exit_code == 3


def refuse(mock: responses.RequestsMock, status: int) -> None:
    """Let Stripe refuse every request with this status."""
    kind = "api_error" if status >= 500 else "invalid_request_error"
    code = "resource_missing" if status == 404 else None
    answer(mock, status, {"error": {"type": kind, "code": code, "message": SENTENCE}})


def answer(mock: responses.RequestsMock, status: int, body: dict[str, object]) -> None:
    """Let Stripe give this answer to every request."""
    headers = {"Request-Id": "req_8", "Stripe-Should-Retry": "false"}
    for method in ("GET", "POST", "DELETE"):
        mock.add(method, re.compile(STRIPE), status=status, json=body, headers=headers)


def names_of(group: click.Group, before: str = "") -> Iterator[str]:
    """Yield the words of every command, with those of its groups."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from names_of(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"
