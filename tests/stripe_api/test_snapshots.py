"""Is every API version read right? Our own samples, and each quirk by itself."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from billing import clock
from billing.stripe_api.events import API_VERSION
from billing.stripe_api.snapshots import (
    ChargeSnapshot,
    CheckoutSnapshot,
    CustomerSnapshot,
    DisputeSnapshot,
    EntitlementSummary,
    InvoiceSnapshot,
    PriceSnapshot,
    ProductSnapshot,
    ScheduleSnapshot,
    SubscriptionSnapshot,
    Unreadable,
)
from tests.stripe_api.readings import BEGIN, DOCUMENT, READERS, sample, samples, tables
from tests.support.stripe_objects import MONTH, START, a_stripe_item, a_stripe_subscription


def at(seconds: int) -> datetime:
    return clock.from_unix(seconds)


def a_subscription(**values: Any) -> SubscriptionSnapshot:
    return SubscriptionSnapshot.from_stripe(a_stripe_subscription(**values))


def an_invoice(**values: Any) -> InvoiceSnapshot:
    return InvoiceSnapshot.from_stripe({"id": "in_1", "created": START, **values})


def test_the_document_tells_exactly_what_is_read_from_every_sample() -> None:
    written = DOCUMENT.read_text().split(BEGIN)[1].strip()

    assert written == tables().strip(), "run python -m tests.stripe_api.readings, and read it"


def test_every_family_has_a_sample_of_the_pinned_version_and_most_have_older_ones() -> None:
    told = {(one.version, one.family) for one in samples()}
    pinned = {family for version, family in told if version == API_VERSION}
    older = {family for version, family in told if version != API_VERSION}

    assert set(READERS) - pinned == {"plan"}  # a price since 2020
    assert set(READERS) - older == {"test_clock"}


class TestSubscriptions:
    def test_the_period_of_the_item_wins_over_that_of_the_subscription(self) -> None:
        both = a_subscription(current_period_start=1, current_period_end=2)

        assert both.items[0].period_start == at(START)
        assert both.items[0].period_end == at(START + MONTH)

    def test_a_null_period_on_the_item_leaves_that_of_the_subscription(self) -> None:
        item = a_stripe_item(current_period_start=None, current_period_end=None)

        found = a_subscription(items=[item], current_period_start=5, current_period_end=6)

        assert (found.items[0].period_start, found.items[0].period_end) == (at(5), at(6))

    def test_items_keep_periods_of_their_own(self) -> None:
        year, month = sample("2025-03-31.basil", "subscription", "periods_on_items").read().items

        assert year.period_end - year.period_start > 11 * (month.period_end - month.period_start)

    def test_without_items_the_plan_of_the_subscription_is_its_only_item(self) -> None:
        found = sample("2017-06-05", "subscription", "plan_only").read()

        assert [(item.price.id, item.quantity) for item in found.items] == [("gold", 3)]
        assert not found.is_complete

    def test_a_plan_told_by_its_id_alone_is_read(self) -> None:
        told = {"id": "sub_1", "customer": "cus_1", "status": "active", "plan": "gold"}

        assert SubscriptionSnapshot.from_stripe(told).items[0].price.id == "gold"

    def test_a_metered_item_has_no_quantity(self) -> None:
        found = sample("2018-05-21", "subscription", "metered_without_quantity").read()

        assert found.items[0].quantity is None

    def test_an_end_may_be_set_without_cancel_at_period_end(self) -> None:
        found = sample("2019-10-17", "subscription", "several_items_ending_at_a_moment").read()

        assert found.cancel_at is not None
        assert not found.cancel_at_period_end

    def test_an_unknown_status_stays_the_text_it_is(self) -> None:
        assert a_subscription(status="hibernating").status == "hibernating"

    def test_the_complete_one_of_the_pinned_version_is_complete(self) -> None:
        assert sample(API_VERSION, "subscription", "complete").read().is_complete

    @pytest.mark.parametrize("name", ["cancel_at", "pause_collection", "trial_end", "test_clock"])
    def test_an_absent_field_means_unknown_and_null_means_none(self, name: str) -> None:
        told = a_stripe_subscription(**{name: None})
        absent = {key: value for key, value in told.items() if key != name}

        assert SubscriptionSnapshot.from_stripe(told).is_complete
        assert not SubscriptionSnapshot.from_stripe(absent).is_complete

    @pytest.mark.parametrize(
        "items",
        [
            pytest.param(None, id="no items"),
            pytest.param({"data": []}, id="an empty list"),
            pytest.param({"data": [a_stripe_item()], "has_more": True}, id="cut off"),
            pytest.param({"data": [a_stripe_item()]}, id="perhaps cut off"),
            pytest.param({"data": [a_stripe_item(), None], "has_more": False}, id="a hole"),
            pytest.param({"data": [a_stripe_item()] * 2, "has_more": False}, id="one item twice"),
            pytest.param(
                {"data": [a_stripe_item(price="price_pro")], "has_more": False}, id="a bare price"
            ),
            pytest.param(
                {"data": [a_stripe_item(), a_stripe_item("si_2", price=None)], "has_more": False},
                id="an item without price",
            ),
        ],
    )
    def test_a_subscription_that_does_not_tell_all_its_items_is_not_complete(
        self, items: Any
    ) -> None:
        told = {**a_stripe_subscription(), "items": items}

        assert not SubscriptionSnapshot.from_stripe(told).is_complete


class TestPrices:
    @pytest.mark.parametrize(
        ("version", "family", "title", "amount", "decimal"),
        [
            ("2018-05-21", "plan", "tiered_and_metered", None, None),
            ("2024-06-20", "price", "of_half_a_cent", None, "0.5"),
            (API_VERSION, "price", "yearly_in_yen", 29800, "29800"),
        ],
    )
    def test_the_amount_is_kept_as_it_comes(
        self, version: str, family: str, title: str, amount: int | None, decimal: str | None
    ) -> None:
        found = sample(version, family, title).read()

        assert (found.unit_amount, found.unit_amount_decimal) == (amount, decimal)

    @pytest.mark.parametrize(
        ("recurring", "interval", "count"),
        [
            ({"interval": "day", "interval_count": 10}, "day", 10),
            ({"interval": "week", "interval_count": 2}, "week", 2),
            ({"interval": "fortnight"}, "fortnight", 1),
            (None, None, 1),
        ],
    )
    def test_the_interval_is_read(
        self, recurring: dict[str, Any] | None, interval: str | None, count: int
    ) -> None:
        found = PriceSnapshot.from_stripe({"id": "price_1", "recurring": recurring})

        assert (found.interval, found.interval_count) == (interval, count)

    @pytest.mark.parametrize(
        ("told", "active"),
        [({}, True), ({"active": True}, True), ({"active": False}, False), ({"deleted": True}, 0)],
    )
    def test_a_price_is_on_sale_unless_told_otherwise(
        self, told: dict[str, Any], active: bool
    ) -> None:
        assert PriceSnapshot.from_stripe({"id": "price_1", **told}).active == active
        assert ProductSnapshot.from_stripe({"id": "prod_1", **told}).active == active


class TestInvoices:
    @pytest.mark.parametrize(
        ("told", "status"),
        [
            ({"status": "open", "paid": True}, "open"),
            ({"paid": True, "closed": True, "forgiven": False}, "paid"),
            ({"paid": False, "closed": True, "forgiven": True}, "uncollectible"),
            ({"paid": False, "closed": True, "forgiven": False}, "open"),
            ({"paid": False, "closed": False, "forgiven": False}, "open"),
            ({"paid": False, "id": None}, "draft"),
            ({"status": None}, None),
            ({"status": "reconsidered"}, "reconsidered"),
        ],
    )
    def test_the_status_is_what_it_says_else_what_the_booleans_said(
        self, told: dict[str, Any], status: str | None
    ) -> None:
        assert an_invoice(**told).status == status

    @pytest.mark.parametrize(
        ("told", "subscription_id"),
        [
            ({"subscription": "sub_1"}, "sub_1"),
            ({"subscription": {"id": "sub_1", "object": "subscription"}}, "sub_1"),
            ({"subscription": None, "parent": None}, None),
            ({}, None),
        ],
    )
    def test_the_subscription_is_read_from_the_top_before_basil(
        self, told: dict[str, Any], subscription_id: str | None
    ) -> None:
        assert an_invoice(**told).subscription_id == subscription_id

    @pytest.mark.parametrize(
        ("parent_type", "subscription_id"),
        [("subscription_details", "sub_1"), ("quote_details", None), ("of_the_future", None)],
    )
    def test_the_subscription_is_read_from_a_parent_of_that_type(
        self, parent_type: str, subscription_id: str | None
    ) -> None:
        parent = {"type": parent_type, "subscription_details": {"subscription": "sub_1"}}

        found = an_invoice(parent=parent, subscription=None)

        assert found.subscription_id == subscription_id

    def test_a_preview_has_no_id(self) -> None:
        assert sample("2017-06-05", "invoice", "upcoming_without_id").read().id is None

    def test_an_old_invoice_tells_its_date_and_its_end_of_draft_at_the_top(self) -> None:
        found = InvoiceSnapshot.from_stripe({"id": "in_1", "date": 5, "finalized_at": 7})

        assert (found.issued_at, found.late_at) == (at(5), at(7))


class TestMoney:
    @pytest.mark.parametrize("mode", ["payment", "setup", "of_the_future"])
    def test_only_a_session_that_sells_a_subscription_has_one(self, mode: str) -> None:
        told = {"id": "cs_1", "mode": mode, "subscription": "sub_1", "payment_status": "paid"}

        assert CheckoutSnapshot.from_stripe(told).subscription_id is None

    @pytest.mark.parametrize(
        ("told", "disputed"),
        [({"dispute": "dp_1"}, True), ({"dispute": None}, False), ({"disputed": True}, True)],
    )
    def test_a_charge_is_disputed_by_its_own_word_or_by_naming_a_dispute(
        self, told: dict[str, Any], disputed: bool
    ) -> None:
        assert ChargeSnapshot.from_stripe({"id": "ch_1", **told}).disputed is disputed

    def test_a_dispute_of_a_status_nobody_knows_keeps_it(self) -> None:
        told = {"id": "dp_1", "status": "pondered", "charge": {"id": "ch_1"}}

        found = DisputeSnapshot.from_stripe(told)

        assert (found.status, found.charge_id) == ("pondered", "ch_1")


class TestSchedules:
    def test_the_phase_after_the_current_one_comes_next(self) -> None:
        found = sample(API_VERSION, "schedule", "a_downgrade_at_period_end").read()

        assert found.next_phase_start == found.phase_end
        assert found.next_price_ids == ("price_basic", "price_addon")

    @pytest.mark.parametrize("status", ["released", "canceled", "completed"])
    def test_nothing_comes_after_a_schedule_that_has_ended(self, status: str) -> None:
        told = sample(API_VERSION, "schedule", "a_downgrade_at_period_end").data

        found = ScheduleSnapshot.from_stripe({**told, "status": status, "current_phase": None})

        assert (found.next_phase_start, found.next_price_ids) == (None, ())


class TestEntitlements:
    @pytest.mark.parametrize(
        "entitlements",
        [
            pytest.param(None, id="not told"),
            pytest.param({"data": [{"lookup_key": "a"}], "has_more": True}, id="cut off"),
            pytest.param({"data": [{"feature": "feat_1"}], "has_more": False}, id="without a key"),
        ],
    )
    def test_a_set_that_is_not_wholly_told_has_more(self, entitlements: Any) -> None:
        told = {"customer": "cus_1", "entitlements": entitlements}

        assert EntitlementSummary.from_stripe(told).has_more


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("cus_1", id="an id"),
        pytest.param({"id": "cus_1", "object": "customer"}, id="expanded"),
        pytest.param({"id": "cus_1", "object": "customer", "deleted": True}, id="deleted"),
    ],
)
def test_a_reference_reads_as_the_id(reference: Any) -> None:
    assert a_subscription(customer=reference).customer_id == "cus_1"


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (SubscriptionSnapshot.from_stripe, a_stripe_subscription(customer=None)),
        (SubscriptionSnapshot.from_stripe, a_stripe_subscription(status=None)),
        (SubscriptionSnapshot.from_stripe, a_stripe_subscription(items=[a_stripe_item(id=None)])),
        (InvoiceSnapshot.from_stripe, {"id": "in_1"}),
        (InvoiceSnapshot.from_stripe, {"id": "in_1", "created": 5, "total": 2**63}),
        (DisputeSnapshot.from_stripe, {"id": "dp_1"}),
        (EntitlementSummary.from_stripe, {"entitlements": {}}),
        *((read, {}) for read in READERS.values()),
        *((read, ["no", "object"]) for read in READERS.values()),
        *((read, None) for read in READERS.values()),
    ],
)
def test_what_lacks_what_it_cannot_be_without_is_unreadable(
    read: Callable[[Any], Any], told: Any
) -> None:
    with pytest.raises(Unreadable):
        read(told)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("cus_\0", id="NUL"),
        pytest.param("cus_\ud800", id="half a character"),
        pytest.param("c" * 256, id="too long"),
        pytest.param(5, id="a number"),
        pytest.param(["cus_1"], id="a list"),
    ],
)
def test_what_can_be_no_id_is_none(value: Any) -> None:
    with pytest.raises(Unreadable):
        CustomerSnapshot.from_stripe({"id": value})


@pytest.mark.parametrize("value", [0, -5, 10**30, 1.5e9, "1500000000", True, [], {}])
def test_what_can_be_no_moment_is_none(value: Any) -> None:
    assert a_subscription(trial_end=value).trial_end is None


def test_a_text_that_no_database_could_hold_is_mended() -> None:
    found = CustomerSnapshot.from_stripe({"id": "cus_1", "email": "a\0b\ud800@example.com"})

    assert found.email == "a\N{REPLACEMENT CHARACTER}b?@example.com"


def test_a_text_of_several_lines_stays_as_it_is() -> None:
    found = ProductSnapshot.from_stripe({"id": "prod_1", "name": "Für\nProfis ✓"})

    assert found.name == "Für\nProfis ✓"
