"""What differs? Each part of the account is held against our rows, page by page."""

from enum import StrEnum

from billing.stripe_sync.healing.checks import customers, local, prices, subscriptions
from billing.stripe_sync.healing.checks.walk import Check, Checked, Walk

__all__ = ["CHECKS", "Check", "Checked", "Phase", "Walk"]


class Phase(StrEnum):
    """The parts of the account, in the order of the walk."""

    SUBSCRIPTIONS = "subscriptions"
    GONE = "gone"
    CUSTOMERS = "customers"
    ACTIVE_PRICES = "active_prices"
    INACTIVE_PRICES = "inactive_prices"
    LOCAL = "local"


CHECKS: dict[Phase, Check] = {
    Phase.SUBSCRIPTIONS: subscriptions.at_stripe,
    Phase.GONE: subscriptions.gone,
    Phase.CUSTOMERS: customers.at_stripe,
    Phase.ACTIVE_PRICES: prices.active,
    Phase.INACTIVE_PRICES: prices.inactive,
    Phase.LOCAL: local.left_to_a_person,
}
