"""Every module that answers API requests; importing them registers their routes."""

from billing.emulator import (
    customers,
    events,
    payment_methods,
    payments,
    prices,
    products,
    test_clocks,
    webhook_endpoints,
)
from billing.emulator.checkout import sessions
from billing.emulator.invoices import routes as invoices
from billing.emulator.subscriptions import routes as subscriptions

MODULES = (
    customers,
    events,
    invoices,
    payment_methods,
    payments,
    prices,
    products,
    sessions,
    subscriptions,
    test_clocks,
    webhook_endpoints,
)
