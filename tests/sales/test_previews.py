"""Does a preview say what the change then costs, and change nothing?"""

from uuid import UUID

import stripe

from tests.support.changes import PREVIEW, Post, bought, invoices, keys
from tests.support.factories import auth
from tests.support.requests import Client


def test_the_preview_of_an_upgrade_is_what_it_then_costs(
    client: Client, pro_id: UUID, change: Post, account: stripe.StripeClient
) -> None:
    shown = client.get(f"{PREVIEW}?plan=enterprise&quantity=2", headers=auth(pro_id)).json

    change(plan="enterprise", quantity=2)

    assert shown["at"] is None
    assert shown["amount_due"] == invoices(account, "subscription_update")[0].amount_due
    assert [line["amount"] < 0 for line in shown["lines"]].count(True) == 1
    assert (shown["unit_amount"], shown["quantity"], shown["currency"]) == (29_900, 2, "usd")


def test_the_preview_of_a_downgrade_costs_nothing_now(
    client: Client, pro_id: UUID, change: Post
) -> None:
    change(plan="enterprise")

    shown = client.get(f"{PREVIEW}?plan=pro", headers=auth(pro_id)).json

    assert (shown["amount_due"], shown["lines"], shown["unit_amount"]) == (0, [], 2_900)
    assert shown["at"] is not None


def test_a_preview_changes_nothing(
    client: Client, pro_id: UUID, account: stripe.StripeClient
) -> None:
    client.get(f"{PREVIEW}?plan=enterprise", headers=auth(pro_id))

    assert keys(account) == [("pro_month", 1)]
    assert invoices(account, "subscription_update") == []


def test_previews_are_asked_of_stripe_each_time(
    client: Client, pro_id: UUID, account: stripe.StripeClient
) -> None:
    first = client.get(f"{PREVIEW}?plan=enterprise", headers=auth(pro_id)).json
    account.v1.subscriptions.update(
        bought(account).id,
        {"items": [{"id": bought(account)["items"].data[0].id, "quantity": 5}]},
    )

    second = client.get(f"{PREVIEW}?plan=enterprise", headers=auth(pro_id)).json

    assert first["amount_due"] != second["amount_due"]
