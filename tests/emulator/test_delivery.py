"""Events arrive signed, whole and as disturbed as the faults say."""

import time
from pathlib import Path

import pytest
import requests
import stripe

from billing.emulator import Emulator
from tests.emulator.conftest import DAY, SECRET, START, Mailbox, Shop, client_of


def test_a_change_is_told_with_a_full_envelope(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    customer = client.v1.customers.create({"email": "a@b.test"}, {"idempotency_key": "k"})
    assert emulator.wait_idle()

    (event,) = mailbox.events

    assert event["type"] == "customer.created"
    assert event["data"]["object"]["id"] == customer.id
    assert event["request"] == {
        "id": customer.last_response.headers["Request-Id"],
        "idempotency_key": "k",
    }
    assert (event["livemode"], event["pending_webhooks"]) == (False, 1)


def test_an_update_tells_only_what_was_before(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    customer = client.v1.customers.create({"email": "a@b.test", "metadata": {"a": "1", "b": "2"}})

    client.v1.customers.update(customer.id, {"metadata": {"a": "3"}})
    assert emulator.wait_idle()

    (event,) = mailbox.of("customer.updated")
    assert event["data"]["previous_attributes"] == {"metadata": {"a": "1"}}


def test_a_changed_array_is_told_whole_as_it_was(
    emulator: Emulator, shop: Shop, mailbox: Mailbox
) -> None:
    subscription = shop.subscriber()
    item = subscription["items"].data[0]

    shop.client.v1.subscriptions.update(
        subscription.id, {"items": [{"id": item.id, "quantity": 3}]}
    )
    assert emulator.wait_idle()

    (event,) = mailbox.of("customer.subscription.updated")
    (before,) = event["data"]["previous_attributes"]["items"]["data"]
    assert (before["id"], before["quantity"]) == (item.id, 1)


def test_what_stripe_does_itself_has_no_request(shop: Shop, mailbox: Mailbox) -> None:
    subscription = shop.subscriber()

    shop.at(subscription, START + 40 * DAY)

    cycle = [told for told in mailbox.of("invoice.created") if told["request"]["id"] is None]
    assert [told["data"]["object"]["billing_reason"] for told in cycle] == ["subscription_cycle"]


def test_an_endpoint_gets_only_the_types_it_wants(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.add_webhook(mailbox.url, SECRET, enabled_events=("product.created",))

    client.v1.customers.create()
    client.v1.products.create({"name": "Pro"})
    assert emulator.wait_idle()

    assert mailbox.types() == ["product.created"]


def test_a_url_registered_again_gets_the_new_secret_and_no_twin(emulator: Emulator) -> None:
    first = emulator.add_webhook("http://127.0.0.1:9/", "whsec_a")

    second = emulator.add_webhook("http://127.0.0.1:9/", "whsec_b")

    assert first["id"] == second["id"]
    assert second["secret"] == "whsec_b"


def test_a_refused_delivery_is_tried_again(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.retry_delays = (0.01, 0.01)
    mailbox.statuses = [500, 302]

    client.v1.customers.create()
    assert emulator.wait_idle()

    assert (mailbox.attempts, mailbox.types()) == (3, ["customer.created"])


def test_after_the_last_try_the_event_is_listed_as_undelivered(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.retry_delays = (0.01,)
    mailbox.statuses = [500, 500]

    client.v1.customers.create()
    assert emulator.wait_idle()

    missed = client.v1.events.list({"delivery_success": False})
    assert [event.type for event in missed.data] == ["customer.created"]


def test_events_are_listed_by_type_and_cursor(client: stripe.StripeClient) -> None:
    client.v1.products.create({"name": "Pro"})
    for _ in range(3):
        client.v1.customers.create()

    every = client.v1.events.list({"types": ["customer.created"]})
    newer = client.v1.events.list({"type": "customer.*", "ending_before": every.data[2].id})

    assert [event.id for event in newer.data] == [event.id for event in every.data[:2]]


def test_duplicate_delivers_the_same_event_again(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.duplicate = 2

    client.v1.customers.create()
    assert emulator.wait_idle()

    assert len(mailbox.events) == 3
    assert len({event["id"] for event in mailbox.events}) == 1
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_twins_are_events_of_one_change_with_ids_of_their_own(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.twins = 1

    customer = client.v1.customers.create()
    assert emulator.wait_idle()

    assert [event["data"]["object"]["id"] for event in mailbox.events] == [customer.id] * 2
    assert len({event["id"] for event in mailbox.events}) == 2


def test_silent_makes_no_event_at_all(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.silent = True

    client.v1.customers.create()
    assert emulator.wait_idle()

    assert mailbox.events == []
    assert client.v1.events.list().data == []


def test_reorder_shuffles_what_a_request_caused(
    emulator: Emulator, mailbox: Mailbox, shop: Shop
) -> None:
    emulator.faults.reorder = True
    subscription = shop.subscriber()
    assert emulator.wait_idle()

    made = [told.id for told in shop.client.v1.events.list({"limit": 100}).data][::-1]
    came = [told["id"] for told in mailbox.events]

    assert subscription.status == "active"
    assert sorted(came) == sorted(made)
    assert came != made


@pytest.mark.parametrize(
    "drop",
    [1.0, ["customer.created"], lambda event: event["type"] == "customer.created"],
    ids=["share", "types", "predicate"],
)
def test_drop_loses_deliveries(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox, drop: object
) -> None:
    emulator.faults.change({"drop": drop})

    client.v1.customers.create()
    assert emulator.wait_idle()

    assert mailbox.events == []


def test_hold_keeps_events_until_they_are_released(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.hold = True
    client.v1.customers.create()

    assert not emulator.wait_idle(0.2)
    assert [event["type"] for event in emulator.undelivered()] == ["customer.created"]

    emulator.release()
    assert emulator.wait_idle()
    assert mailbox.types() == ["customer.created"]


def test_a_held_event_can_be_delivered_by_hand(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.hold = True
    client.v1.customers.create()
    emulator.wait_idle(0.1)
    (event,) = emulator.undelivered()

    body, headers = emulator.signed(event, SECRET)
    requests.post(mailbox.url, body, headers=headers, timeout=9)
    emulator.discard()

    assert emulator.wait_idle()
    assert mailbox.events == [event]


def test_freeze_second_ties_every_event(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.freeze_second = START

    client.v1.customers.create()
    client.v1.products.create({"name": "Pro"})
    assert emulator.wait_idle()

    assert {event["created"] for event in mailbox.events} == {START}


def test_api_status_answers_the_next_requests(
    emulator: Emulator, client: stripe.StripeClient
) -> None:
    emulator.faults.api_status = [429, 500]

    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.list()
    with pytest.raises(stripe.APIError):
        client.v1.customers.list()
    assert client.v1.customers.list().data == []


def test_api_reset_cuts_the_connection(emulator: Emulator, client: stripe.StripeClient) -> None:
    emulator.faults.api_reset = 1

    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.list()
    assert client.v1.customers.list().data == []


def test_api_lost_performs_the_request_and_loses_the_answer(
    emulator: Emulator, client: stripe.StripeClient, mailbox: Mailbox
) -> None:
    emulator.faults.api_lost = 1

    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"email": "a@b.test"}, {"idempotency_key": "once"})
    again = client.v1.customers.create({"email": "a@b.test"}, {"idempotency_key": "once"})
    assert emulator.wait_idle()

    assert [found.id for found in client.v1.customers.list().data] == [again.id]
    assert mailbox.types() == ["customer.created"]


def test_api_delay_makes_answers_slow(emulator: Emulator, client: stripe.StripeClient) -> None:
    emulator.faults.api_delay = 0.2
    began = time.monotonic()

    client.v1.customers.list()

    assert time.monotonic() - began >= 0.2


def test_a_stopped_emulator_answers_no_more(
    emulator: Emulator, client: stripe.StripeClient
) -> None:
    client.v1.customers.list()

    emulator.stop()

    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.list()


def test_faults_are_set_over_http_too(emulator: Emulator) -> None:
    url = f"{emulator.url}/_emulator/faults"

    assert requests.post(url, json={"duplicate": 2}, timeout=9).json()["duplicate"] == 2
    assert requests.get(url, timeout=9).json()["duplicate"] == 2
    assert requests.delete(url, timeout=9).json()["duplicate"] == 0
    assert requests.post(url, json={"nonsense": 1}, timeout=9).status_code == 422


def test_a_state_file_outlives_the_process(tmp_path: Path) -> None:
    state = tmp_path / "stripe.sqlite"
    first = Emulator(state)
    first.serve()
    first.add_webhook("http://127.0.0.1:9/", "whsec_kept", enabled_events=("product.created",))
    customer = client_of(first).v1.customers.create({"email": "a@b.test"})
    first.stop()

    second = Emulator(state)
    second.serve()
    found = client_of(second).v1.customers.retrieve(customer.id)
    again = second.add_webhook("http://127.0.0.1:9/")
    second.stop()

    assert found.email == "a@b.test"
    assert again["secret"] == "whsec_kept"


def test_what_was_deleted_stays_deleted_after_a_restart(tmp_path: Path) -> None:
    first = Emulator(tmp_path / "stripe.sqlite")
    first.serve()
    product = client_of(first).v1.products.create({"name": "Pro"})
    client_of(first).v1.products.delete(product.id)
    first.stop()

    second = Emulator(tmp_path / "stripe.sqlite")
    second.serve()
    found = client_of(second).v1.products.list().data
    second.stop()

    assert found == []


def test_what_was_unsent_is_sent_after_a_restart(tmp_path: Path, mailbox: Mailbox) -> None:
    first = Emulator(tmp_path / "stripe.sqlite")
    first.serve()
    first.add_webhook(mailbox.url, SECRET)
    first.faults.hold = True
    client_of(first).v1.customers.create()
    first.stop()

    second = Emulator(tmp_path / "stripe.sqlite")
    second.serve()
    idle = second.wait_idle()
    second.stop()

    assert idle
    assert mailbox.types() == ["customer.created"]
