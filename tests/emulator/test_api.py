"""The API refuses, pages, expands and repeats itself as Stripe does."""

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import pytest
import requests
import stripe

from billing.emulator import Emulator
from tests.emulator.conftest import Shop

KEY = {"Authorization": "Bearer sk_test_x"}


def test_an_unknown_parameter_is_refused_by_name(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.create({"colour": "red"})

    assert (refusal.value.code, refusal.value.param) == ("parameter_unknown", "colour")


def test_an_unknown_parameter_is_refused_at_any_depth(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.checkout(line_items=[{"price": shop.monthly.id, "colour": "red"}])

    assert refusal.value.param == "line_items[0][colour]"


@pytest.mark.parametrize("removed", ["payment_method_types", "coupon"])
def test_parameters_that_the_api_version_removed_are_refused(shop: Shop, removed: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.checkout(**{removed: ["card"]})

    assert refusal.value.code == "parameter_unknown"


def test_a_missing_parameter_is_refused_by_name(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.products.create({})

    assert (refusal.value.code, refusal.value.param) == ("parameter_missing", "name")


def test_a_malformed_number_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.list({"limit": "many"})

    assert (refusal.value.http_status, refusal.value.param) == (400, "limit")


def test_an_object_that_does_not_exist_is_404(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.subscriptions.retrieve("sub_nothing")

    assert (refusal.value.http_status, refusal.value.code) == (404, "resource_missing")


def test_a_parameter_that_names_nothing_is_400(shop: Shop) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.checkout(customer="cus_nothing")

    assert (refusal.value.http_status, refusal.value.param) == (400, "customer")


def test_an_unknown_route_is_404_in_stripes_shape(emulator: Emulator) -> None:
    response = requests.get(f"{emulator.url}/v1/nonsense", headers=KEY, timeout=9)

    assert response.status_code == 404
    assert response.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sk_live_x"}], ids=["no", "live"])
def test_without_a_test_key_the_answer_is_401(emulator: Emulator, headers: dict[str, str]) -> None:
    response = requests.get(f"{emulator.url}/v1/customers", headers=headers, timeout=9)

    assert response.status_code == 401


@pytest.mark.parametrize("key", ["sk_test_x", "rk_test_x"])
def test_a_key_may_come_as_the_basic_user(emulator: Emulator, key: str) -> None:
    response = requests.get(f"{emulator.url}/v1/customers", auth=(key, ""), timeout=9)

    assert response.status_code == 200


def test_a_restricted_key_lacks_what_is_forbidden(
    emulator: Emulator, client: stripe.StripeClient
) -> None:
    emulator.faults.forbidden = ["/v1/customers"]
    restricted = stripe.StripeClient("rk_test_x", base_addresses={"api": emulator.url})

    with pytest.raises(stripe.PermissionError, match="rak_customer_read"):
        restricted.v1.customers.list()
    assert restricted.v1.products.list().data == []
    assert client.v1.customers.list().data == []


def test_lists_are_paged_newest_first(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create().id for _ in range(5)]

    first = client.v1.customers.list({"limit": 2})
    rest = client.v1.customers.list({"limit": 10, "starting_after": first.data[-1].id})

    assert [found.id for found in first.data + rest.data] == list(reversed(made))
    assert (first.has_more, rest.has_more) == (True, False)


def test_paging_backwards_gives_the_page_next_to_the_cursor(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create().id for _ in range(5)]

    page = client.v1.customers.list({"limit": 2, "ending_before": made[0]})

    assert [found.id for found in page.data] == [made[2], made[1]]
    assert page.has_more


def test_a_page_has_at_most_a_hundred(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="100"):
        client.v1.customers.list({"limit": 101})


def test_expand_goes_four_levels_deep(shop: Shop) -> None:
    subscription = shop.subscriber()

    found = shop.client.v1.subscriptions.list(
        {"expand": ["data.items.data.price.product"], "customer": subscription.customer}
    )

    assert found.data[0]["items"].data[0].price.product.name == "Pro"


def test_what_cannot_be_expanded_is_refused(shop: Shop) -> None:
    shop.subscriber()

    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        shop.client.v1.subscriptions.list({"expand": ["data.nonsense"]})


def test_the_same_idempotency_key_gives_the_same_answer(client: stripe.StripeClient) -> None:
    same = {"idempotency_key": "once"}

    first, second = (client.v1.customers.create({"email": "a@b.test"}, same) for _ in range(2))

    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"


def test_an_idempotency_key_with_other_parameters_is_refused(client: stripe.StripeClient) -> None:
    client.v1.customers.create({"email": "a@b.test"}, {"idempotency_key": "once"})

    with pytest.raises(stripe.IdempotencyError):
        client.v1.customers.create({"email": "c@d.test"}, {"idempotency_key": "once"})


def test_of_twins_with_one_idempotency_key_one_is_409(emulator: Emulator) -> None:
    headers = {**KEY, "Idempotency-Key": "once"}

    def create(_: int) -> int:
        url = f"{emulator.url}/v1/customers"
        return requests.post(url, {"email": "a@b.test"}, headers=headers, timeout=9).status_code

    # Under the lock neither can finish before the other has come.
    with ThreadPoolExecutor(2) as pool, emulator.account.lock:
        statuses = pool.map(create, range(2))
        time.sleep(0.3)

    assert sorted(statuses) == [200, 409]


def test_a_refused_request_leaves_nothing_behind(shop: Shop, emulator: Emulator) -> None:
    customer = shop.customer(card="pm_card_chargeCustomerFail")
    before = len(emulator.account.all("event"))
    told = {"customer": customer.id, "items": [{"price": shop.monthly.id}]}

    with pytest.raises(stripe.CardError):
        shop.client.v1.subscriptions.create({**told, "payment_behavior": "error_if_incomplete"})

    assert shop.client.v1.invoices.list({"customer": customer.id}).data == []
    assert len(emulator.account.all("event")) == before


def test_every_answer_has_a_request_id_and_the_emulators_date(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create()

    headers = customer.last_response.headers

    assert headers["Request-Id"].startswith("req_")
    assert 0 <= parsedate_to_datetime(headers["Date"]).timestamp() - customer.created <= 1


def test_requests_are_kept_for_those_who_count_them(
    emulator: Emulator, client: stripe.StripeClient
) -> None:
    client.v1.customers.create({"metadata": {"user_id": "7"}})

    method, path, params, headers, status = emulator.requests[-1]

    assert (method, path, status) == ("POST", "/v1/customers", 200)
    assert params == {"metadata": {"user_id": "7"}}
    assert headers["Authorization"] == "Bearer sk_test_emulator"
