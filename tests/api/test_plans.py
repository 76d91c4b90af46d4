"""What visitors see of the plans."""

from billing.catalog import plans
from billing.catalog.seed import seed
from billing.database import transaction
from tests.support.factories import a_plan, a_price
from tests.support.requests import Client
from tests.support.statements import counted


def test_the_seeded_plans_are_listed_lowest_first(client: Client):
    with transaction():
        seed(plans.load(), "usd")

    answer = client.get("/v1/plans")

    assert answer.status_code == 200
    assert [plan["name"] for plan in answer.json["plans"]] == ["free", "pro", "enterprise"]


def test_a_plan_shows_prices_features_and_limits(client: Client):
    pro = a_plan("pro", features={"sso": True, "api": True, "old": False}, max_jobs_per_month=7)
    a_price(pro, interval="year", unit_amount=29_000, lookup_key="pro_year")
    a_price(pro, interval="month", unit_amount=2_900)
    a_price(pro, interval="week", unit_amount=1, active=False)

    answer = client.get("/v1/plans/pro")

    month = {"interval": "month", "interval_count": 1, "currency": "usd", "unit_amount": 2_900}
    assert answer.json == {
        "name": "pro",
        "display_name": "Pro",
        "description": "",
        "on_sale": True,
        "prices": [month, month | {"interval": "year", "unit_amount": 29_000}],
        "features": ["api", "sso"],
        "limits": {
            "rate_limit_multiplier": 1.0,
            "api_calls": None,
            "jobs_created": 7,
            "storage_used_mb": None,
            "compute_minutes": None,
        },
    }


def test_a_plan_off_sale_is_not_listed_and_can_still_be_looked_up(client: Client):
    a_plan("legacy", is_active=False)

    assert client.get("/v1/plans").json == {"plans": []}
    assert client.get("/v1/plans/legacy").json["on_sale"] is False


def test_an_unknown_plan_is_not_found(client: Client):
    answer = client.get("/v1/plans/gold")

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.content_type == "application/problem+json"


def test_all_plans_and_prices_are_read_in_one_statement(client: Client):
    for name in ("free", "pro", "enterprise"):
        a_price(a_plan(name))

    with counted() as sent:
        client.get("/v1/plans")

    assert len(sent) == 1
