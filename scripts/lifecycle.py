"""What happens in the life of a customer at Stripe? The same steps, wherever they are taken."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import stripe

HOUR = 3600
DAY = 24 * HOUR
READY_SECONDS = 180
NEWEST_EVENTS = 300

Json = dict[str, Any]


@dataclass
class Step:
    """What stood at Stripe after a step, and the events that it caused."""

    name: str
    objects: dict[str, Json] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)


class Life:
    """One customer on a test clock of their own. `settle` seconds without news end a step."""

    def __init__(self, client: stripe.StripeClient, start: int, settle: float) -> None:
        self._v1 = client.v1
        self._start = start
        self._settle = settle
        self._seen: set[str] = set()

    def steps(self) -> Iterator[Step]:
        """Live it. What was made in the account is removed or archived at the end."""
        try:
            yield from self._live()
        finally:
            self._clean_up()

    def _live(self) -> Iterator[Step]:
        self._open_shop()
        self._seen |= {event["id"] for event in self._events()}
        self._become_customer()
        yield self._step("a customer with a card", with_subscription=False)
        self._subscribe()
        yield self._step("a trial of seven days")
        self._advance(7 * DAY + 2 * HOUR)
        yield self._step("the trial ended and was paid")
        self._change({"items": [{"id": self._item(), "price": self._enterprise}]})
        yield self._step("another price, paid at once")
        self._change({"items": [{"id": self._item(), "quantity": 3}]})
        yield self._step("three seats")
        self._v1.subscriptions.update(self._subscription, {"cancel_at_period_end": True})
        yield self._step("an end was planned")
        self._v1.subscriptions.update(self._subscription, {"cancel_at_period_end": False})
        yield self._step("the end was taken back")
        self._use_card("pm_card_chargeCustomerFail")
        self._advance(self._period_end() - self._start + 2 * HOUR)
        yield self._step("the renewal could not be paid")
        self._use_card("pm_card_visa")
        self._v1.invoices.pay(self._invoice()["id"])
        yield self._step("it was paid with another card")
        self._v1.subscriptions.cancel(self._subscription)
        yield self._step("the subscription was cancelled")

    def _open_shop(self) -> None:
        product = self._v1.products.create({"name": "check-stripe"}).id
        prices = [
            self._v1.prices.create(
                {
                    "product": product,
                    "currency": "usd",
                    "unit_amount": amount,
                    "recurring": {"interval": "month"},
                }
            ).id
            for amount in (2900, 9900)
        ]
        self._pro, self._enterprise = prices
        self._product = product

    def _become_customer(self) -> None:
        clocks = self._v1.test_helpers.test_clocks
        self._clock = clocks.create({"frozen_time": self._start, "name": "check-stripe"}).id
        self._customer = self._v1.customers.create(
            {"email": "check-stripe@example.com", "test_clock": self._clock}
        ).id
        self._use_card("pm_card_visa")

    def _use_card(self, card: str) -> None:
        attached = self._v1.payment_methods.attach(card, {"customer": self._customer})
        default = {"default_payment_method": attached.id}
        self._v1.customers.update(self._customer, {"invoice_settings": default})

    def _subscribe(self) -> None:
        wanted = {"customer": self._customer, "items": [{"price": self._pro}]}
        made = self._v1.subscriptions.create({**wanted, "trial_period_days": 7})
        self._subscription = made.id

    def _change(self, change: Json) -> None:
        billed = {"proration_behavior": "always_invoice"}
        self._v1.subscriptions.update(self._subscription, {**change, **billed})

    def _advance(self, seconds: int) -> None:
        clocks = self._v1.test_helpers.test_clocks
        clocks.advance(self._clock, {"frozen_time": self._start + seconds})
        end = time.monotonic() + READY_SECONDS
        while clocks.retrieve(self._clock).status != "ready":
            if time.monotonic() > end:
                raise TimeoutError("the test clock did not become ready")
            time.sleep(min(1.0, self._settle))

    def _step(self, name: str, *, with_subscription: bool = True) -> Step:
        news = self._news()
        objects = {"customer": plain(self._v1.customers.retrieve(self._customer))}
        if with_subscription:
            objects["subscription"] = plain(self._v1.subscriptions.retrieve(self._subscription))
            objects["invoice"] = self._invoice()
        return Step(name, objects, news)

    def _news(self) -> Counter[str]:
        """Count the events of our customer and clock, once no more of them come."""
        news: Counter[str] = Counter()
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < self._settle:
            for event in self._events():
                if event["id"] not in self._seen:
                    self._seen.add(event["id"])
                    news[event["type"]] += 1
                    quiet_since = time.monotonic()
            time.sleep(self._settle / 4)
        return news

    def _events(self) -> list[Json]:
        newest = self._v1.events.list({"limit": 100}).auto_paging_iter()
        told = [plain(event) for event in islice(newest, NEWEST_EVENTS)]
        ours = {getattr(self, name, None) for name in ("_customer", "_clock")} - {None}
        return [event for event in told if not ours or ours & names_in(event["data"]["object"])]

    def _item(self) -> str:
        return str(self._held()["items"]["data"][0]["id"])

    def _period_end(self) -> int:
        return int(self._held()["items"]["data"][0]["current_period_end"])

    def _held(self) -> Json:
        return plain(self._v1.subscriptions.retrieve(self._subscription))

    def _invoice(self) -> Json:
        newest = self._v1.invoices.list({"subscription": self._subscription, "limit": 1})
        return plain(newest.data[0])

    def _clean_up(self) -> None:
        if hasattr(self, "_clock"):
            self._v1.test_helpers.test_clocks.delete(self._clock)
        if hasattr(self, "_product"):
            for price in (self._pro, self._enterprise):
                self._v1.prices.update(price, {"active": False})
            self._v1.products.update(self._product, {"active": False})


def plain(told: stripe.StripeObject) -> Json:
    """Turn an object of the SDK into what came over the wire."""
    return told.to_dict(for_json=True)


def names_in(told: Json) -> set[object]:
    """The ids by which an object can belong to our customer or clock."""
    return {told.get(name) for name in ("id", "customer", "test_clock")}
