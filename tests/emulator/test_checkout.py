"""A checkout sells a subscription, or does not."""

import pytest
import requests
import stripe

from billing.emulator import Emulator
from tests.emulator.conftest import Mailbox, Shop, answer


def test_paying_sells_the_subscription_and_returns_to_the_shop(
    shop: Shop, emulator: Emulator, mailbox: Mailbox
) -> None:
    session = shop.checkout(
        client_reference_id="user-7", subscription_data={"metadata": {"user_id": "7"}}
    )

    response = answer(session)
    assert emulator.wait_idle()

    done = shop.client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert response.headers["Location"] == f"http://shop.test/done?session={session.id}"
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert done.subscription.status == "active"
    assert done.subscription.metadata.to_dict() == {"user_id": "7"}
    assert {
        "checkout.session.completed",
        "customer.created",
        "customer.subscription.created",
        "invoice.paid",
    } <= set(mailbox.types())


def test_the_customer_of_the_session_buys(shop: Shop) -> None:
    customer = shop.customer(card=None)
    session = shop.checkout(customer=customer.id)

    answer(session)

    bought = shop.client.v1.subscriptions.list({"customer": customer.id})
    assert [found.status for found in bought.data] == ["active"]


def test_a_declined_card_leaves_nothing_but_the_open_page(
    shop: Shop, emulator: Emulator, mailbox: Mailbox
) -> None:
    session = shop.checkout(customer_email="a@b.test")

    response = answer(session, "4000000000000002")
    assert emulator.wait_idle()

    assert response.status_code == 402
    assert "declined" in response.text
    assert shop.client.v1.checkout.sessions.retrieve(session.id).status == "open"
    assert shop.client.v1.customers.list().data == []


def test_a_card_may_pay_now_and_fail_at_the_renewal(shop: Shop) -> None:
    customer = shop.customer(card=None, test_clock=shop.clock().id)
    answer(shop.checkout(customer=customer.id), "4000000000000341")
    (bought,) = shop.client.v1.subscriptions.list({"customer": customer.id}).data

    later = shop.at(bought, bought.created + 32 * 86_400)

    assert (bought.status, later.status) == ("active", "past_due")


def test_a_trial_is_sold_without_payment(shop: Shop) -> None:
    session = shop.checkout(
        subscription_data={"trial_period_days": 7}, payment_method_collection="if_required"
    )

    answer(session, "")

    done = shop.client.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert (done.payment_status, done.amount_total) == ("no_payment_required", 0)
    assert done.subscription.status == "trialing"


def test_an_expired_session_sells_nothing(shop: Shop, emulator: Emulator, mailbox: Mailbox) -> None:
    session = shop.checkout()
    shop.client.v1.checkout.sessions.expire(session.id)

    response = answer(session)
    assert emulator.wait_idle()

    assert response.status_code == 410
    assert len(mailbox.of("checkout.session.expired")) == 1


def test_a_session_sells_once(shop: Shop) -> None:
    session = shop.checkout()
    answer(session)

    assert answer(session).status_code == 410
    assert len(shop.client.v1.subscriptions.list().data) == 1


def test_the_page_offers_every_answer(shop: Shop) -> None:
    page = requests.get(str(shop.checkout(cancel_url="http://shop.test/").url), timeout=9).text

    for offered in ("Pay", "Pay, but the next payment fails", "Decline", "Cancel"):
        assert f">{offered}<" in page
    assert "<script" not in page
    assert "20.00 USD" in page


@pytest.mark.parametrize(
    "params",
    [
        {"allow_promotion_codes": True, "discounts": [{"coupon": "x"}]},
        {"customer": "cus_x", "customer_email": "a@b.test"},
        {"customer_update": {"name": "auto"}},
        {"expires_at": 1_000},
        {"mode": "payment"},
    ],
    ids=["two discounts", "two customers", "update of nobody", "expired", "one-off"],
)
def test_contradictions_are_refused(shop: Shop, params: dict[str, object]) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        shop.checkout(**params)


def test_a_price_is_sold_in_a_currency_that_it_has(shop: Shop) -> None:
    price = shop.client.v1.prices.create(
        {
            "product": str(shop.monthly.product),
            "currency": "usd",
            "unit_amount": 2_000,
            "recurring": {"interval": "month"},
            "currency_options": {"jpy": {"unit_amount": 500}},
        }
    )
    session = shop.checkout(line_items=[{"price": price.id, "quantity": 1}], currency="jpy")

    page = requests.get(str(session.url), timeout=9).text
    answer(session)

    (invoice,) = shop.client.v1.invoices.list().data
    assert "500 JPY" in page
    assert (invoice.currency, invoice.amount_paid) == ("jpy", 500)


def test_a_promotion_code_may_be_typed_on_the_page(shop: Shop) -> None:
    coupon = shop.client.v1.coupons.create({"percent_off": 50, "duration": "once"})
    shop.client.v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "SPRING"}
    )
    session = shop.checkout(allow_promotion_codes=True)
    form = {"card": "4242424242424242", "promotion_code": "spring"}

    wrong = requests.post(str(session.url), {**form, "promotion_code": "winter"}, timeout=9)
    requests.post(str(session.url), form, timeout=9, allow_redirects=False)

    done = shop.client.v1.checkout.sessions.retrieve(session.id)
    assert wrong.status_code == 400
    assert (done.amount_subtotal, done.amount_total) == (2_000, 1_000)


def test_a_customer_keeps_its_currency(shop: Shop) -> None:
    customer = shop.customer()
    told = {"customer": customer.id, "items": [{"price": shop.monthly.id}]}
    shop.client.v1.subscriptions.create(told)
    euros = shop.client.v1.prices.create(
        {
            "product": str(shop.monthly.product),
            "currency": "eur",
            "unit_amount": 1_800,
            "recurring": {"interval": "month"},
        }
    )

    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        shop.client.v1.subscriptions.create({**told, "items": [{"price": euros.id}]})


def test_the_lines_of_a_session_are_listed(shop: Shop) -> None:
    session = shop.checkout(expand=["line_items"])

    lines = shop.client.v1.checkout.sessions.line_items.list(session.id)

    assert [line.price.id for line in lines.data] == [shop.monthly.id]
    assert session.line_items.data[0].quantity == 1
