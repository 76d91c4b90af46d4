"""What can an event tell of? The things at Stripe whose truth we fetch."""

from dataclasses import dataclass, field
from enum import StrEnum

from billing.models import StripeCharge, StripeCustomer, StripeProduct, StripeTestClock


class Kind(StrEnum):
    """A kind of thing that is refreshed as a whole."""

    CUSTOMER = "customer"
    PRODUCT = "product"
    CHARGE = "charge"
    TEST_CLOCK = "test_clock"


class Part(StrEnum):
    """A part of a customer's truth that is fetched only when an event asks for it."""

    DETAILS = "details"
    INVOICES = "invoices"
    CHECKOUTS = "checkouts"
    ENTITLEMENTS = "entitlements"


MODELS: dict[
    Kind,
    type[StripeCustomer] | type[StripeProduct] | type[StripeCharge] | type[StripeTestClock],
] = {
    Kind.CUSTOMER: StripeCustomer,
    Kind.PRODUCT: StripeProduct,
    Kind.CHARGE: StripeCharge,
    Kind.TEST_CLOCK: StripeTestClock,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing at Stripe, by kind and id, and the parts of it that are wanted."""

    kind: Kind
    id: str
    parts: frozenset[Part] = field(default_factory=frozenset)

    @classmethod
    def customer(cls, stripe_customer_id: str, *parts: Part) -> "Subject":
        """A customer: always the subscriptions, and these parts."""
        return cls(Kind.CUSTOMER, stripe_customer_id, frozenset(parts))

    @classmethod
    def product(cls, stripe_product_id: str) -> "Subject":
        """A product with its prices."""
        return cls(Kind.PRODUCT, stripe_product_id)

    @classmethod
    def charge(cls, stripe_charge_id: str) -> "Subject":
        """A charge: what was refunded, disputed or warned of."""
        return cls(Kind.CHARGE, stripe_charge_id)

    @classmethod
    def test_clock(cls, stripe_test_clock_id: str) -> "Subject":
        """A test clock."""
        return cls(Kind.TEST_CLOCK, stripe_test_clock_id)
