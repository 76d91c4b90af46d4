"""Does the doctor find what is wrong, and name what mends it?"""

import json
from collections.abc import Callable
from contextvars import Context
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import Any

import pytest
import responses
import sqlalchemy as sa
import stripe
from click.testing import Result

from billing import clock, create_app
from billing.catalog import apply, plans, seed
from billing.database import transaction
from billing.emulator import Emulator
from billing.models import EventState, IgnoredObject, PlanPrice, StripeEvent, SubscriptionItem
from billing.operations import stripe_side
from billing.stripe_sync.dispatch import HANDLERS
from config import Config
from tests.conftest import configured
from tests.support import databases
from tests.support.factories import a_customer, a_subscription, saved

Examine = Callable[..., dict[str, dict[str, str]]]
RESTRICTED = {"stripe_secret_key": "rk_test_made_up"}


@pytest.fixture
def stripe_api(emulator: Emulator) -> stripe.StripeClient:
    """The company's own hand at Stripe."""
    return stripe.StripeClient("sk_test_company", base_addresses={"api": emulator.url})


@pytest.fixture
def endpoint(service: str, stripe_api: stripe.StripeClient, emulator: Emulator) -> str:
    """The endpoint as `webhook create` would make it; its id."""
    url = f"{service}/webhooks/stripe"
    secret = "whsec_made_up_for_tests_only"
    made = emulator.add_webhook(url, secret, tuple(HANDLERS), "2026-10-28.endive")
    return str(made["id"])


@pytest.fixture
def shop(config: Config, endpoint: str, emulator: Emulator) -> None:
    """Plans that can be bought, and events that arrived."""
    with transaction():
        seed.seed(plans.load(), config.default_currency)
    apply.apply(plans.load())
    assert emulator.wait_idle()


@pytest.fixture
def examine(config: Config, service: str) -> Examine:
    """Run the doctor beside the service, perhaps with other settings; findings by subject."""

    def run(**settings: Any) -> dict[str, dict[str, str]]:
        result = at_the_terminal(replace(config, **settings), "--json", "--url", hook(service))
        told = json.loads(result.stdout)
        assert result.exit_code == (0 if told["ok"] else 1)
        return {one["about"]: one for one in told["checks"]}

    return run


def at_the_terminal(config: Config, *words: str) -> Result:
    """Run `flask billing doctor` in a process of its own, nearly."""
    app = create_app(config)
    runner = app.test_cli_runner()
    command = partial(runner.invoke, args=["billing", "doctor", *words], catch_exceptions=False)
    result: Result = Context().run(command)
    databases.close(app)
    return result


def hook(service: str) -> str:
    """Where the service is posted to."""
    return f"{service}/webhooks/stripe"


@pytest.mark.usefixtures("shop")
def test_where_all_is_well_nothing_needs_a_fix(examine: Examine) -> None:
    found = examine()

    assert {about: one["seen"] for about, one in found.items() if one["grade"] != "ok"} == {}
    assert {"database", "key", "clock", "endpoint", "secret", "delivery", "plans"} <= found.keys()


@pytest.mark.usefixtures("shop")
def test_for_people_each_check_is_a_line(config: Config, service: str) -> None:
    result = at_the_terminal(config, "--url", hook(service))

    assert result.exit_code == 0
    assert "ok    key: test mode" in result.output


@pytest.mark.usefixtures("shop")
def test_a_restricted_key_that_may_all_is_well(examine: Examine) -> None:
    assert examine(**RESTRICTED)["key"]["grade"] == "ok"


@pytest.mark.usefixtures("shop")
def test_what_a_restricted_key_lacks_is_named(examine: Examine, emulator: Emulator) -> None:
    emulator.faults.forbidden = ["/v1/invoices", "/v1/billing_portal"]

    found = examine(**RESTRICTED)["key"]

    assert found["grade"] == "fail"
    assert "rak_invoice_read" in found["seen"]
    assert "rak_billing_portal_write" in found["seen"]
    assert "apikeys" in found["fix"]


@pytest.mark.usefixtures("shop")
def test_a_key_that_was_rolled_is_told_from_one_that_lacks_something(
    examine: Examine, emulator: Emulator
) -> None:
    emulator.faults.api_status = [401] * 40

    found = examine()["key"]

    assert found["grade"] == "fail"
    assert "set STRIPE_SECRET_KEY" in found["fix"]


@pytest.mark.usefixtures("shop")
def test_asking_what_the_key_may_changes_nothing_at_stripe(
    examine: Examine, emulator: Emulator
) -> None:
    before = len(emulator.account.all("event"))

    examine()

    assert len(emulator.account.all("event")) == before


@pytest.mark.parametrize(("away", "grade"), [(0, "ok"), (100, "warn"), (-280, "fail")])
def test_a_clock_that_is_wrong_is_told(away: int, grade: str) -> None:
    app = create_app(replace(configured("sqlite://"), stripe_api_base="https://api.stripe.com"))
    there = {"Date": format_datetime(clock.utc_now() + timedelta(seconds=away), usegmt=True)}

    with app.app_context(), responses.RequestsMock() as stripe_http:
        stripe_http.get("https://api.stripe.com/v1/subscriptions", json={"data": []}, headers=there)
        [found] = stripe_side.check_clock()

    assert found.grade == grade


def test_without_stripe_the_rest_is_still_looked_at(examine: Examine) -> None:
    found = examine(stripe_api_base="http://127.0.0.1:9")

    assert "status.stripe.com" in found["key"]["fix"]
    assert found["secret"]["grade"] == "ok"
    assert found["queue"]["grade"] == "ok"


@pytest.mark.usefixtures("emulator")
def test_without_the_database_its_address_is_asked_for() -> None:
    result = at_the_terminal(configured("postgresql+psycopg://nobody@127.0.0.1:9/billing"))

    assert "fix: is DATABASE_URL right" in result.output


def test_without_an_endpoint_the_command_that_makes_one_is_told(
    examine: Examine, service: str, stripe_api: stripe.StripeClient, endpoint: str
) -> None:
    stripe_api.v1.webhook_endpoints.delete(endpoint)

    found = examine()["endpoint"]

    assert found["grade"] == "fail"
    assert found["fix"] == f"flask billing webhook create --url {service}/webhooks/stripe"


@pytest.mark.usefixtures("shop")
def test_a_disabled_endpoint_is_named(
    examine: Examine, stripe_api: stripe.StripeClient, endpoint: str
) -> None:
    stripe_api.v1.webhook_endpoints.update(endpoint, {"disabled": True})

    found = examine()["endpoint"]

    assert (found["grade"], found["seen"]) == ("fail", f"{endpoint} is disabled")


@pytest.mark.usefixtures("shop")
def test_events_that_the_endpoint_is_not_told_of_are_named(
    examine: Examine, stripe_api: stripe.StripeClient, endpoint: str
) -> None:
    told = [name for name in HANDLERS if name != "invoice.paid"]
    stripe_api.v1.webhook_endpoints.update(endpoint, {"enabled_events": told})

    found = examine()["endpoint"]

    assert found["seen"] == f"{endpoint} is not told of invoice.paid"
    assert found["fix"] == f"flask billing webhook update {endpoint}"


@pytest.mark.usefixtures("shop")
def test_an_endpoint_of_another_version_is_a_warning(
    examine: Examine, service: str, emulator: Emulator
) -> None:
    emulator.add_webhook(f"{service}/webhooks/stripe", None, tuple(HANDLERS), "2025-03-31.basil")

    found = examine()["endpoint"]

    assert found["grade"] == "warn"
    assert "2025-03-31.basil" in found["seen"]


@pytest.mark.usefixtures("shop")
def test_a_key_that_may_not_read_endpoints_is_only_a_warning(
    examine: Examine, emulator: Emulator
) -> None:
    emulator.faults.forbidden = ["/v1/webhook_endpoints"]

    found = examine(**RESTRICTED)["endpoint"]

    assert found["grade"] == "warn"
    assert "rak_webhook_endpoint_read" in found["seen"]


@pytest.mark.usefixtures("shop")
def test_a_service_with_another_secret_is_found_by_the_probe(examine: Examine) -> None:
    secrets = ("whsec_made_up_for_tests_only", "whsec_of_the_doctor_alone")

    found = examine(stripe_webhook_secrets=secrets)

    assert found["secret 1 of 2"]["grade"] == "ok"
    assert found["secret 2 of 2"]["grade"] == "fail"
    assert "STRIPE_WEBHOOK_SECRET" in found["secret 2 of 2"]["fix"]


def test_a_service_that_does_not_run_is_named(config: Config) -> None:
    result = at_the_terminal(config, "--url", "http://127.0.0.1:9/webhooks/stripe")

    assert result.exit_code == 1
    assert "http://127.0.0.1:9/webhooks/stripe answers ConnectionError" in result.output


@pytest.mark.usefixtures("shop")
def test_probes_leave_one_ignored_row_however_often_they_are_sent(examine: Examine) -> None:
    examine()
    examine()

    probes = sa.select(StripeEvent.state).where(StripeEvent.type == "billing.doctor.probe")
    with transaction() as session:
        assert session.scalars(probes).all() == [EventState.IGNORED]


@pytest.mark.usefixtures("shop")
def test_events_that_stripe_could_not_deliver_are_counted(
    examine: Examine, emulator: Emulator, stripe_api: stripe.StripeClient
) -> None:
    emulator.faults.drop = 1.0
    stripe_api.v1.customers.create({"email": "lost@example.com"})
    assert emulator.wait_idle()

    found = examine()["delivery"]

    assert found["grade"] == "warn"
    assert "gaps --fix" in found["fix"]


@pytest.mark.usefixtures("shop")
def test_a_plan_without_a_price_is_named(examine: Examine) -> None:
    with transaction() as session:
        session.execute(sa.update(PlanPrice).values(active=False))

    found = examine()["plans"]

    assert found["grade"] == "warn"
    assert "pro" in found["seen"]


@pytest.mark.usefixtures("endpoint")
def test_no_plans_at_all_is_a_fault(examine: Examine) -> None:
    assert examine()["plans"]["fix"] == "flask billing seed-plans"


@pytest.mark.usefixtures("shop")
def test_a_price_that_buys_no_plan_is_named(examine: Examine) -> None:
    subscription = a_subscription(plan=None)
    saved(
        SubscriptionItem(
            subscription_id=subscription.id,
            stripe_subscription_item_id="si_1",
            stripe_price_id="price_strange",
        )
    )

    found = examine()["prices"]

    assert found["fix"] == (
        "flask billing map-price price_strange PLAN, or ignore price price_strange"
    )


def test_a_price_that_is_ignored_is_not_proposed_to_be_mapped(examine: Examine) -> None:
    subscription = a_subscription(plan=None)
    saved(
        SubscriptionItem(
            subscription_id=subscription.id,
            stripe_subscription_item_id="si_1",
            stripe_price_id="price_strange",
            stripe_product_id="prod_hosting",
        )
    )
    saved(IgnoredObject(stripe_id="prod_hosting", kind="product"))

    assert examine()["prices"]["grade"] == "ok"


@pytest.mark.usefixtures("shop")
def test_a_redis_that_is_away_is_a_warning(examine: Examine) -> None:
    found = examine(redis_url="redis://127.0.0.1:9/0")

    assert found["limits"]["grade"] == "warn"
    assert "each process" in found["limits"]["seen"]


@pytest.mark.usefixtures("shop")
def test_a_redis_that_counts_is_well(examine: Examine, redis_url: str) -> None:
    found = examine(redis_url=redis_url)

    assert (found["limits"]["grade"], found["limits"]["seen"]) == ("ok", "counted in Redis")


@pytest.mark.usefixtures("shop")
def test_dead_events_parked_refreshes_and_old_work_are_told(examine: Examine) -> None:
    now = clock.utc_now()
    event = {"type": "customer.updated", "received_at": now - timedelta(minutes=20)}
    saved(StripeEvent(stripe_event_id="evt_dead", state=EventState.DEAD, error="no such", **event))
    saved(StripeEvent(stripe_event_id="evt_old", state=EventState.RECEIVED, **event))
    a_customer(id="cus_parked", requested=2, synced=1, last_error="no such object")
    a_customer(
        id="cus_failing", requested=2, synced=1, last_error="away", due_at=now + timedelta(hours=1)
    )

    found = examine()

    assert "no such" in found["dead events"]["seen"]
    assert found["parked"]["fix"] == "flask billing refresh cus_parked"
    assert "1 refreshes" in found["failing"]["seen"]
    assert found["queue"]["grade"] == "fail"
    assert "20 minutes" in found["queue"]["seen"]
