"""Every module that answers API requests; importing them registers their routes."""

from billing.emulator import (
    accounts,
    coupons,
    customers,
    disputes,
    entitlements,
    events,
    meters,
    payment_methods,
    payments,
    prices,
    products,
    schedules,
    tax_rates,
    test_clocks,
    webhook_endpoints,
)
from billing.emulator.checkout import sessions
from billing.emulator.invoices import preview
from billing.emulator.invoices import routes as invoices
from billing.emulator.portal import sessions as portal
from billing.emulator.subscriptions import routes as subscriptions

MODULES = (
    portal,
    schedules,
    accounts,
    coupons,
    disputes,
    entitlements,
    meters,
    preview,
    customers,
    events,
    invoices,
    payment_methods,
    payments,
    prices,
    products,
    sessions,
    subscriptions,
    tax_rates,
    test_clocks,
    webhook_endpoints,
)
