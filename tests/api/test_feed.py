"""What a product's backend sees of changes, and from where it goes on."""

from uuid import UUID

import pytest
from flask import Flask

from billing.database import transaction
from billing.identity import service_keys
from billing.identity.service_keys import Scope
from billing.models import Cause, User
from billing.stripe_sync import changes
from billing.stripe_sync.truths.links import link_by_hand
from tests.support.factories import a_customer, a_subscription, a_user, auth
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
        "user": str(user.id),
        "stripe_id": "sub_A",
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

    link_by_hand(str(user.id), customer.id)

    [change] = client.get(FEED, headers=key(Scope.CHANGES)).json["changes"]
    assert (change["field"], change["user"]) == ("user_id", str(user.id))
    assert (change["stripe_id"], change["cause"]) == (stored.stripe_subscription_id, "operator")


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
