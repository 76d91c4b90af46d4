"""Can an operator make the endpoint at Stripe, and keep it as it should be?"""

import json
import re
from pathlib import Path

import pytest
import stripe
from click.testing import Result
from flask import Flask

from billing.emulator import Emulator
from billing.stripe_api.events import API_VERSION
from billing.stripe_sync.dispatch import HANDLERS
from tests.support import databases

URL = "https://billing.example.com/webhooks/stripe"


@pytest.fixture
def database(sqlite_template: Path, tmp_path: Path) -> str:
    """These commands ask Stripe alone."""
    return databases.copy_sqlite(sqlite_template, tmp_path / "billing.db")


@pytest.fixture
def account(emulator: Emulator) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_shop", base_addresses={"api": emulator.url})


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=["billing", "webhook", *words])


def made(app: Flask, *words: str) -> dict[str, object]:
    result = run(app, "create", "--url", URL, "--json", *words)
    assert result.exit_code == 0, result.output
    told: dict[str, object] = json.loads(result.stdout)
    return told


def test_an_endpoint_is_made_with_what_is_handled_and_the_pinned_version(
    app: Flask, account: stripe.StripeClient
) -> None:
    told = made(app)

    there = account.v1.webhook_endpoints.retrieve(str(told["id"]))
    assert set(there.enabled_events) == set(HANDLERS)
    assert (there.api_version, there.url) == (API_VERSION, URL)
    assert re.fullmatch(r"whsec_\S{16,}", str(told["secret"]))


@pytest.mark.usefixtures("emulator")
def test_for_people_the_secret_is_printed_once_as_the_line_to_set(app: Flask) -> None:
    first = run(app, "create", "--url", URL).output
    listed = run(app, "list").output

    assert re.search(r"^STRIPE_WEBHOOK_SECRET=whsec_\S+$", first, re.MULTILINE)
    assert "whsec_" not in listed


def test_without_a_url_it_is_that_of_the_service(app: Flask, account: stripe.StripeClient) -> None:
    run(app, "create")

    [there] = account.v1.webhook_endpoints.list().data
    assert there.url == "http://127.0.0.1:5000/webhooks/stripe"


def test_a_second_endpoint_of_the_address_must_be_asked_for(
    app: Flask, account: stripe.StripeClient
) -> None:
    first = made(app)

    refused = run(app, "create", "--url", URL)
    second = run(app, "create", "--url", URL, "--replace")

    assert refused.exit_code == 1
    assert f"flask billing webhook update {first['id']}" in refused.output
    assert second.exit_code == 0
    assert f"delete {first['id']}" in second.output
    assert len(account.v1.webhook_endpoints.list().data) == 2


def test_an_update_brings_the_events_up_to_date_and_switches_on(
    app: Flask, account: stripe.StripeClient
) -> None:
    endpoint_id = str(made(app)["id"])
    account.v1.webhook_endpoints.update(
        endpoint_id, {"enabled_events": ["invoice.paid"], "disabled": True}
    )
    lacking = run(app, "list").output

    result = run(app, "update", endpoint_id)

    there = account.v1.webhook_endpoints.retrieve(endpoint_id)
    assert re.search("lacks: .*checkout.session.completed", lacking)
    assert result.exit_code == 0
    assert (set(there.enabled_events), there.status) == (set(HANDLERS), "enabled")


@pytest.mark.usefixtures("emulator")
def test_an_update_of_nothing_is_an_error_in_one_line(app: Flask) -> None:
    result = run(app, "update", "we_nothing")

    assert result.exit_code == 1
    assert "Stripe has no such object" in result.output


def test_a_version_that_cannot_be_changed_is_told(app: Flask, emulator: Emulator) -> None:
    old = emulator.add_webhook(URL, None, ("*",), "2025-03-31.basil")

    output = run(app, "update", str(old["id"])).output

    assert "create --replace" in output


def test_how_to_rotate_is_told(app: Flask) -> None:
    assert "STRIPE_WEBHOOK_SECRET=whsec_new,whsec_old" in run(app, "rotate").output
