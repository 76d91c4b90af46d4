"""Is less given at once where the operator wants it so?"""

from dataclasses import replace
from uuid import UUID

import pytest
import stripe

from billing.sales import changes
from billing.sales.targets import Wish
from config import Config, Downgrade


@pytest.fixture
def config(config: Config) -> Config:
    return replace(config, downgrade=Downgrade.NOW)


def test_a_downgrade_is_made_now_and_credited(pro_id: UUID, account: stripe.StripeClient) -> None:
    changes.change(pro_id, Wish("enterprise"))
    changes.change(pro_id, Wish("pro"))

    (bought,) = account.v1.subscriptions.list().data
    assert bought["items"].data[0].price.lookup_key == "pro_month"
    assert account.v1.invoices.list().data[0].total < 0


def test_back_and_forth_between_two_plans_is_billed_each_time(
    pro_id: UUID, account: stripe.StripeClient
) -> None:
    """Each is an intent of its own, though the last is worded as the first was."""
    for plan in ("enterprise", "pro", "enterprise"):
        changes.change(pro_id, Wish(plan))

    (bought,) = account.v1.subscriptions.list().data
    assert bought["items"].data[0].price.lookup_key == "enterprise_month"
    assert len(account.v1.invoices.list().data) == 4
