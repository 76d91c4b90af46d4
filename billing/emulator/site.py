"""The emulator as one web application: the API, the pages for people, the controls for tests."""

from collections.abc import Callable

from flask import Flask

from billing.emulator import catalogue
from billing.emulator.account import Account
from billing.emulator.api import Api
from billing.emulator.checkout.page import checkout_pages
from billing.emulator.controls import control_routes
from billing.emulator.delivery import Deliveries
from billing.emulator.invoices.page import invoice_pages
from billing.emulator.portal.page import portal_pages
from billing.emulator.transaction import Transaction

API_MODULES = catalogue.MODULES


def create_site(
    account: Account,
    api: Api,
    deliveries: Deliveries,
    announce: Callable[[Transaction], None],
) -> Flask:
    """Wire the application."""
    app = Flask("billing.emulator")
    app.config["PROPAGATE_EXCEPTIONS"] = True  # a cut connection must reach the server as such
    app.jinja_env.filters["money"] = money
    api.serve_on(app)
    app.register_blueprint(checkout_pages(account, announce))
    app.register_blueprint(invoice_pages(account, announce))
    app.register_blueprint(portal_pages(account, announce))
    app.register_blueprint(control_routes(account, deliveries, announce))
    return app


def money(amount: int, currency: str) -> str:
    """Write minor units for people."""
    places = 0 if currency in ("jpy", "krw", "clp", "vnd") else 2
    return f"{amount / 10**places:,.{places}f} {currency.upper()}"
