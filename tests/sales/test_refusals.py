"""Purchases that Stripe refuses or fails: each ends by itself and blocks no other."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import stripe

from billing import clock
from billing.database import reading, transaction
from billing.emulator import Emulator
from billing.errors import BillingError, Conflict, StripeUnavailable
from billing.models import CheckoutState, OpenCheckout, User
from billing.sales import checkout
from billing.sales.buyers import buyer, customer_of
from billing.sales.checkout import open_checkout
from billing.sales.purchases import CustomerDeleted, require_customer
from billing.sales.refusals import RefusedByStripe, wishes
from billing.stripe_api.attempts import attempt
from billing.stripe_api.faults import IdempotencyKeyConflict, StripeFailed, StripeRefused
from tests.support.changes import Post, bought, keys
from tests.support.factories import a_customer, auth
from tests.support.live import pay
from tests.support.requests import Client

pytestmark = pytest.mark.usefixtures("shop")
PATH = "/v1/subscription/checkout"
SESSIONS = "/v1/checkout/sessions"

Wish = dict[str, Any]
Spoil = Callable[[stripe.StripeClient], Wish]


def sent(emulator: Emulator, path: str) -> list[str]:
    """The idempotency key of every POST to this path."""
    posts = [one for one in emulator.requests if (one[0], one[1]) == ("POST", path)]
    return [one[3]["Idempotency-Key"] for one in posts]


def states() -> list[str]:
    """The states of every claim, the oldest first."""
    with reading() as session:
        return list(
            session.scalars(sa.select(OpenCheckout.state).order_by(OpenCheckout.created_at))
        )


def an_archived_price(account: stripe.StripeClient) -> Wish:
    (price,) = account.v1.prices.list({"lookup_keys": ["pro_month"]}).data
    account.v1.prices.update(price.id, {"active": False})
    return {"plan": "pro"}


def a_code_with_a_minimum(account: stripe.StripeClient) -> Wish:
    coupon = account.v1.coupons.create({"percent_off": 50, "duration": "once"})
    account.v1.promotion_codes.create(
        {
            "promotion": {"type": "coupon", "coupon": coupon.id},
            "code": "BIG",
            "restrictions": {"minimum_amount": 100_000, "minimum_amount_currency": "usd"},
        }
    )
    return {"plan": "pro", "promotion_code": "BIG"}


def too_large_an_amount(account: stripe.StripeClient) -> Wish:
    return {"plan": "enterprise", "interval": "year", "quantity": 999}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        pytest.param(an_archived_price, "inactive", id="archived price"),
        pytest.param(a_code_with_a_minimum, "minimum amount", id="condition of a code"),
        pytest.param(too_large_an_amount, "999,999.99", id="amount over the limit"),
    ],
)
def test_a_wish_that_stripe_refuses_is_a_422_with_its_reason_and_blocks_no_other(
    client: Client, user_id: UUID, account: stripe.StripeClient, spoil: Spoil, reason: str
) -> None:
    wish = spoil(account)

    refused = client.post(PATH, json=wish, headers=auth(user_id))
    other = client.post(PATH, json={"plan": "enterprise"}, headers=auth(user_id))

    assert (refused.status_code, refused.json["code"]) == (422, "refused_by_stripe")
    assert reason in refused.json["detail"]
    assert other.status_code == 201
    assert states() == ["expired", "open"]


def test_a_refused_request_is_sent_to_stripe_once_and_not_before_the_next_purchase(
    user_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    an_archived_price(account)
    with pytest.raises(RefusedByStripe):
        open_checkout(user_id, "pro")

    assert states() == ["expired"]
    open_checkout(user_id, "enterprise")
    assert len(sent(emulator, SESSIONS)) == 2


def test_a_refused_purchase_can_be_made_as_soon_as_its_cause_is_gone(
    user_id: UUID, account: stripe.StripeClient
) -> None:
    (price,) = account.v1.prices.list({"lookup_keys": ["pro_month"]}).data
    account.v1.prices.update(price.id, {"active": False})
    with pytest.raises(RefusedByStripe):
        open_checkout(user_id, "pro")
    account.v1.prices.update(price.id, {"active": True})

    assert open_checkout(user_id, "pro").url


def test_a_claim_that_an_earlier_release_left_refused_is_in_nobodys_way(
    user_id: UUID, account: stripe.StripeClient, emulator: Emulator
) -> None:
    customer_of(buyer(user_id))
    emulator.faults.api_status = [0] + [503] * 8
    with pytest.raises(StripeUnavailable):
        open_checkout(user_id, "pro")
    emulator.faults.api_status = []
    an_archived_price(account)

    assert open_checkout(user_id, "enterprise").url
    assert states() == ["expired", "open"]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"param": "automatic_tax[enabled]"}, id="parameter of ours"),
        pytest.param({"stripe_code": "account_invalid"}, id="state of the account"),
    ],
)
def test_a_refusal_of_what_the_operator_set_is_no_fault_of_the_caller(
    facts: dict[str, str],
) -> None:
    with pytest.raises(StripeRefused) as seen, wishes():
        raise StripeRefused("Stripe refused the request.", **facts)

    assert seen.value.status == 502


def test_an_idempotency_error_keeps_the_claim(user_id: UUID) -> None:
    open_checkout(user_id, "pro")
    claim = claim_of(user_id)

    with pytest.raises(IdempotencyKeyConflict):
        checkout.filled(replace(claim, parameters={**claim.parameters, "locale": "de"}))

    assert states() == ["open"]


@pytest.mark.parametrize(
    ("path", "before"), [("/v1/customers", 0), (SESSIONS, 1)], ids=["customer", "session"]
)
def test_a_500_that_stripe_replays_to_its_key_does_not_lock_the_user_out(
    client: Client, user_id: UUID, emulator: Emulator, path: str, before: int
) -> None:
    emulator.faults.api_status = [0] * before + [500]

    first = client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))
    second = client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))

    assert (first.status_code, second.status_code) == (503, 201)
    assert len(set(sent(emulator, path))) == 2


def test_a_session_that_cannot_be_expired_yet_is_expired_by_the_next_click(
    client: Client, user_id: UUID, emulator: Emulator
) -> None:
    client.post(PATH, json={"plan": "pro"}, headers=auth(user_id))
    emulator.faults.api_status = [0, 500]

    first = client.post(PATH, json={"plan": "enterprise"}, headers=auth(user_id))
    second = client.post(PATH, json={"plan": "enterprise"}, headers=auth(user_id))

    assert (first.status_code, second.status_code) == (503, 201)


def test_at_once_a_500_is_counted_once(user_id: UUID) -> None:
    fault = StripeFailed("Stripe failed.")
    for _ in range(2):
        with pytest.raises(StripeFailed), attempt("checkout:7"), attempt("checkout:7"):
            raise fault

    with attempt("checkout:7") as key:
        assert key == "checkout:7:3"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(StripeUnavailable("Stripe did not answer."), id="lost connection, 409, 429"),
        pytest.param(IdempotencyKeyConflict("Another request."), id="idempotency error"),
    ],
)
def test_where_the_outcome_is_unknown_the_key_stays(user_id: UUID, fault: BillingError) -> None:
    with pytest.raises(BillingError), attempt("checkout:7"):
        raise fault

    with attempt("checkout:7") as key:
        assert key == "checkout:7"


# Overdue claims


def pass_the_time() -> None:
    """Let the user's claim be overdue here, while Stripe's clock says otherwise."""
    past = clock.utc_now() - timedelta(minutes=1)
    with transaction() as session:
        session.execute(sa.update(OpenCheckout).values(expires_at=past))


def forget_the_session() -> None:
    """Leave the claim as a crash leaves it between Stripe's answer and our row."""
    with transaction() as session:
        session.execute(sa.update(OpenCheckout).values(stripe_session_id=None, url=None))


@pytest.mark.parametrize("plan", ["pro", "enterprise"])
def test_the_session_of_an_overdue_claim_is_expired_before_another_opens(
    user_id: UUID, account: stripe.StripeClient, plan: str
) -> None:
    first = open_checkout(user_id, "pro")
    pass_the_time()

    second = open_checkout(user_id, plan)

    open_ones = [one.id for one in account.v1.checkout.sessions.list({"status": "open"}).data]
    assert open_ones == [second.session_id] != [first.session_id]


def test_a_session_that_a_crash_hid_is_expired_too(
    user_id: UUID, account: stripe.StripeClient
) -> None:
    open_checkout(user_id, "pro")
    forget_the_session()
    pass_the_time()

    second = open_checkout(user_id, "pro")

    open_ones = [one.id for one in account.v1.checkout.sessions.list({"status": "open"}).data]
    assert open_ones == [second.session_id]


def test_an_overdue_claim_that_was_paid_and_ended_is_in_nobodys_way(
    user_id: UUID, account: stripe.StripeClient
) -> None:
    pay(open_checkout(user_id, "pro").url)
    account.v1.subscriptions.cancel(bought(account).id)
    pass_the_time()

    assert open_checkout(user_id, "pro").url


def claim_of(user_id: UUID) -> checkout.Claim:
    """The claim as a request holds it that has not asked Stripe yet."""
    with reading() as session:
        stored = session.scalars(sa.select(OpenCheckout)).one()
    parts = (stored.stripe_customer_id, stored.parameters, None, None, stored.expires_at)
    return checkout.Claim(stored.id, *parts)


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param({"state": CheckoutState.EXPIRED}, id="claim closed"),
        pytest.param({"stripe_session_id": "cs_of_another_attempt"}, id="another session stored"),
    ],
)
def test_a_session_that_comes_too_late_is_expired_and_shown_to_nobody(
    user_id: UUID, account: stripe.StripeClient, meanwhile: dict[str, Any]
) -> None:
    late = open_checkout(user_id, "pro")
    claim = claim_of(user_id)
    with transaction() as session:
        session.execute(sa.update(OpenCheckout).values(**meanwhile))

    with pytest.raises(Conflict):
        checkout.filled(claim)

    assert account.v1.checkout.sessions.retrieve(late.session_id).status == "expired"


# Customers that are gone


def test_a_customer_that_stripe_does_not_know_is_told_like_a_deleted_one(user_id: UUID) -> None:
    a_customer(id="cus_unknown")
    with transaction() as session:
        session.execute(sa.update(User).values(stripe_customer_id="cus_unknown"))

    with pytest.raises(CustomerDeleted):
        open_checkout(user_id, "pro")


@pytest.mark.parametrize("is_known", [True, False], ids=["deleted", "unknown"])
def test_a_customer_that_goes_while_the_checkout_opens_is_told_so(
    user_id: UUID, account: stripe.StripeClient, is_known: bool
) -> None:
    customer_id = customer_of(buyer(user_id)) if is_known else "cus_unknown"
    if is_known:
        account.v1.customers.delete(customer_id)

    with pytest.raises(CustomerDeleted):
        require_customer(customer_id)


# Changes


def change_keys(emulator: Emulator, account: stripe.StripeClient) -> list[str]:
    """The idempotency keys of every update of the subscription."""
    return sent(emulator, f"/v1/subscriptions/{bought(account).id}")


def test_after_a_500_to_a_change_the_next_click_makes_it(
    change: Post, emulator: Emulator, account: stripe.StripeClient
) -> None:
    emulator.faults.api_status = [0, 500]

    first, second = change(plan="enterprise"), change(plan="enterprise")

    assert (first.status_code, second.status_code) == (503, 200)
    assert keys(account) == [("enterprise_month", 1)]
    assert len(set(change_keys(emulator, account))) == 2


def test_a_500_to_a_change_that_was_made_nevertheless_makes_no_second_one(
    change: Post, emulator: Emulator, account: stripe.StripeClient
) -> None:
    emulator.faults.api_status = [0, 500]
    change(plan="enterprise")
    item = bought(account)["items"].data[0]
    (price,) = account.v1.prices.list({"lookup_keys": ["enterprise_month"]}).data
    account.v1.subscriptions.update(
        bought(account).id, {"items": [{"id": item.id, "price": price.id}]}
    )
    asked_before = len(change_keys(emulator, account))

    response = change(plan="enterprise")

    assert response.status_code == 200
    assert len(change_keys(emulator, account)) == asked_before


def test_a_change_to_an_archived_price_is_a_422_and_works_once_the_price_is_sold_again(
    change: Post, account: stripe.StripeClient
) -> None:
    (price,) = account.v1.prices.list({"lookup_keys": ["enterprise_month"]}).data
    account.v1.prices.update(price.id, {"active": False})
    refused = change(plan="enterprise")
    account.v1.prices.update(price.id, {"active": True})

    again = change(plan="enterprise")

    assert (refused.status_code, refused.json["code"]) == (422, "refused_by_stripe")
    assert "inactive" in refused.json["detail"]
    assert (again.status_code, again.json["plan"]) == (200, "enterprise")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/v1/subscription/resume", {}, id="planned change taken back"),
        pytest.param("/v1/subscription/cancel", {}, id="end planned in its place"),
    ],
)
def test_a_500_to_a_release_does_not_keep_what_was_planned(
    change: Post,
    client: Client,
    pro_id: UUID,
    emulator: Emulator,
    account: stripe.StripeClient,
    path: str,
    body: Wish,
) -> None:
    change(quantity=3)
    change(quantity=1)
    emulator.faults.api_status = [0, 500]

    first = client.post(path, json=body, headers=auth(pro_id))
    second = client.post(path, json=body, headers=auth(pro_id))

    assert (first.status_code, second.status_code) == (503, 200)
    assert bought(account).schedule is None
