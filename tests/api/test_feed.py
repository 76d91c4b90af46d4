"""What a product's backend sees of changes, and from where it goes on."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from billing.catalog import plans, seed
from billing.database import transaction
from billing.identity import service_keys
from billing.identity.service_keys import Scope
from billing.models import Cause, Metric, User
from billing.stripe_sync import changes
from billing.stripe_sync.truths import operator_links
from tests.support.factories import a_customer, a_plan, a_subscription, a_user, auth
from tests.support.requests import Client

FEED = "/v1/changes"


@pytest.fixture
def user(app: Flask) -> User:
    return a_user()


def key(*scopes: Scope) -> dict[str, str]:
    """The header of a backend with a new key."""
    return {"Authorization": f"Bearer {service_keys.create('jobs', scopes)[1]}"}


def changed(user_id: UUID | None, *fields: str) -> None:
    rows = [
        {
            "stripe_id": "sub_A",
            "user_id": user_id,
            "field": field,
            "before": "active",
            "after": "canceled",
            "cause": Cause.EVENT,
            "stripe_event_id": "evt_1",
        }
        for field in fields
    ]
    with transaction():
        changes.note(rows)


def test_a_change_tells_what_of_whom_and_why(client: Client, user: User):
    changed(user.id, "status")

    answer = client.get(FEED, headers=key(Scope.CHANGES))

    [change] = answer.json["changes"]
    assert answer.status_code == 200
    assert change.pop("at")
    assert change == {
        "id": answer.json["next"],
        "kind": "subscription_changed",
        "user": str(user.id),
        "stripe_id": "sub_A",
        "plan": None,
        "field": "status",
        "before": "active",
        "after": "canceled",
        "cause": "event",
        "event": "evt_1",
    }


def test_pages_follow_one_another_without_gap_or_repetition(client: Client, user: User):
    changed(user.id, "status", "quantity", "plan_id")
    headers = key(Scope.CHANGES)

    first = client.get(FEED, query_string={"limit": 2}, headers=headers).json
    second = client.get(FEED, query_string={"after": first["next"]}, headers=headers).json
    last = client.get(FEED, query_string={"after": second["next"]}, headers=headers).json

    fields = [change["field"] for page in (first, second, last) for change in page["changes"]]
    assert fields == ["status", "quantity", "plan_id"]
    assert last == {"changes": [], "next": second["next"]}


def test_a_user_who_is_linked_later_is_a_change(client: Client, user: User):
    customer = a_customer()
    stored = a_subscription(stripe_customer_id=customer.id)

    operator_links.link(user.id, customer.id)

    adopted, linked = client.get(FEED, headers=key(Scope.CHANGES)).json["changes"]
    assert (adopted["field"], adopted["user"]) == ("user_id", str(user.id))
    assert (adopted["stripe_id"], adopted["cause"]) == (stored.stripe_subscription_id, "operator")
    assert (linked["field"], linked["stripe_id"]) == ("stripe_customer_id", customer.id)
    assert (linked["before"], linked["after"]) == (None, customer.id)


def seeded(**pro: Any) -> None:
    """Bring the plans into the database, pro as told."""
    offered = [replace(one, **pro) if one.name == "pro" else one for one in plans.load()]
    with transaction():
        seed.seed(offered, "usd")


def test_an_edit_of_a_plan_is_told_once_whoever_holds_it(client: Client):
    seeded()
    headers = key(Scope.CHANGES)
    before = client.get(FEED, headers=headers).json["next"]
    pro = a_plan("pro")
    a_subscription(a_user(), pro), a_subscription(a_user(), pro)

    seeded(features=("exports",), quotas={})
    seeded(features=("exports",), quotas={})

    [change] = client.get(f"{FEED}?after={before}", headers=headers).json["changes"]
    assert (change["kind"], change["plan"]) == ("plan_changed", "pro")
    assert (change["user"], change["stripe_id"], change["cause"]) == (None, None, "operator")
    assert change["after"]["features"] == {"exports": True}
    assert change["before"]["max_jobs_per_month"] == 1000
    assert change["after"]["max_jobs_per_month"] is None


def test_a_quota_where_there_was_none_is_no_new_plan(client: Client):
    seeded(quotas={})
    headers = key(Scope.CHANGES)
    first = client.get(FEED, headers=headers).json

    seeded(quotas={Metric.JOBS_CREATED: 5})

    [change] = client.get(f"{FEED}?after={first['next']}", headers=headers).json["changes"]
    assert {one["before"] for one in first["changes"]} == {None}
    assert change["before"] == {"max_jobs_per_month": None}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_who_seed_at_once_tell_of_an_edit_once(app: Flask, client: Client):
    seeded()
    headers = key(Scope.CHANGES)
    before = client.get(FEED, headers=headers).json["next"]
    both = threading.Barrier(2)

    def edit() -> None:
        with app.app_context():
            both.wait(10)
            seeded(features=("exports",))

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(edit) for _ in range(2)]:
            one.result()

    assert len(client.get(f"{FEED}?after={before}", headers=headers).json["changes"]) == 1


@pytest.mark.parametrize(
    "query",
    ["after=-1", "after=x", "after=", f"after={'9' * 19}", "limit=0", "limit=1001"],
)
def test_odd_questions_are_refused(client: Client, query: str):
    answer = client.get(f"{FEED}?{query}", headers=key(Scope.CHANGES))

    assert (answer.status_code, answer.json["code"]) == (422, "invalid")


def test_a_key_without_the_scope_sees_nothing(client: Client):
    answer = client.get(FEED, headers=key(Scope.ACCESS, Scope.USAGE))

    assert (answer.status_code, answer.json["code"]) == (403, "scope_missing")


def test_a_user_sees_nothing_of_it(client: Client, user: User):
    answer = client.get(FEED, headers=auth(user.id))

    assert (answer.status_code, answer.json["code"]) == (403, "wrong_caller")
