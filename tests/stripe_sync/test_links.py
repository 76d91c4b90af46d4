"""The link between a user and a Stripe customer: made by our own marks, never moved by an event."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from billing.database import reading
from billing.emulator import Emulator
from billing.models import Drift, DriftKind, User, UserSubscription
from billing.stripe_sync.healing import reconcile
from tests.support.company import Company
from tests.support.events import stripe_event
from tests.support.factories import a_user, auth
from tests.support.requests import Client


@pytest.fixture
def company(shop: None, emulator: Emulator) -> Company:
    return Company(emulator)


@pytest.fixture
def user_id(app: Flask) -> UUID:
    return a_user().id


def tell(client: Client, company: Company, customer_id: str) -> None:
    """Let the service hear of a customer."""
    customer: Any = company.stripe.v1.customers.retrieve(customer_id)
    event = stripe_event("customer.updated", customer.to_dict(for_json=True))
    assert client.post_event(event).status_code == 200


def subscribed(client: Client, company: Company, user_id: UUID, plan: str = "pro") -> str:
    """Sell a plan to a customer whose metadata names the user, and tell of it."""
    customer_id = company.customer(str(user_id))
    company.subscribe(customer_id, company.price(f"{plan}_month"))
    tell(client, company, customer_id)
    return customer_id


def customer_of(user_id: UUID) -> str | None:
    with reading() as session:
        return session.scalars(sa.select(User.stripe_customer_id).where(User.id == user_id)).one()


def holders(customer_id: str) -> set[UUID | None]:
    """The users of the customer's subscriptions."""
    with reading() as session:
        return set(
            session.scalars(
                sa.select(UserSubscription.user_id).where(
                    UserSubscription.stripe_customer_id == customer_id
                )
            )
        )


def conflicts() -> list[str]:
    """The customers whose metadata contradicts a link."""
    with reading() as session:
        return list(
            session.scalars(
                sa.select(Drift.stripe_id).where(
                    Drift.kind == DriftKind.LINK_CONFLICT, Drift.resolved_at.is_(None)
                )
            )
        )


def plan_of(client: Client, user_id: UUID) -> str:
    """The plan that the service answers to the user."""
    return str(client.get("/v1/subscription/me", headers=auth(user_id)).json["plan"])


@pytest.mark.parametrize("told_by", ["event", "reconcile"])
def test_a_second_customer_whose_metadata_names_a_linked_user_takes_no_link(
    client: Client, company: Company, user_id: UUID, told_by: str
) -> None:
    first = subscribed(client, company, user_id, "pro")
    second = company.customer(str(user_id))
    company.subscribe(second, company.price("enterprise_month"))

    if told_by == "event":
        tell(client, company, second)
    else:
        reconcile.reconcile(fix=True)

    assert customer_of(user_id) == first
    assert holders(first) == {user_id}
    assert holders(second) == {None}
    assert plan_of(client, user_id) == "pro"
    assert conflicts() == [second]


@pytest.mark.parametrize("told_by", ["event", "reconcile"])
def test_metadata_that_names_another_user_later_moves_no_link(
    client: Client, company: Company, user_id: UUID, told_by: str
) -> None:
    customer_id = subscribed(client, company, user_id)
    other = a_user().id
    company.stripe.v1.customers.update(customer_id, {"metadata": {"user_id": str(other)}})

    if told_by == "event":
        tell(client, company, customer_id)
    else:
        reconcile.reconcile(fix=True)

    assert customer_of(user_id) == customer_id
    assert customer_of(other) is None
    assert holders(customer_id) == {user_id}
    assert plan_of(client, other) == "free"
    assert conflicts() == [customer_id]
