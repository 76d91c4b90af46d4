"""A company at Stripe, of which the service has heard or not."""

from uuid import UUID

import pytest
from flask import Flask

from billing.emulator import Emulator
from billing.stripe_sync.healing import reconcile
from tests.support.company import Company
from tests.support.factories import a_user


@pytest.fixture
def company(shop: None, emulator: Emulator) -> Company:
    return Company(emulator)


@pytest.fixture
def user_ids(app: Flask) -> list[UUID]:
    return [a_user().id for _ in range(4)]


@pytest.fixture
def imported(company: Company, user_ids: list[UUID]) -> list[str]:
    """Four subscriptions of four linked users, imported; the ids."""
    price = company.price("pro_month")
    for user_id in user_ids:
        company.subscribe(company.customer(str(user_id)), price)
    reconcile.reconcile(fix=True)
    return [subscription.id for subscription in company.subscriptions]
