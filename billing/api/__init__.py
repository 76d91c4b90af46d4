"""The JSON API: one blueprint a resource."""

from apiflask import APIFlask

from billing.api import bodies, guard, openapi
from billing.api.auth import auth
from billing.api.changes import changes
from billing.api.checkout import checkout
from billing.api.docs import docs
from billing.api.feed import feed
from billing.api.health import health
from billing.api.invoices import invoices
from billing.api.links import links
from billing.api.plans import plans
from billing.api.portal import portal
from billing.api.product import product
from billing.api.subscriptions import subscriptions
from billing.api.usage import usage

BLUEPRINTS = [
    health,
    auth,
    plans,
    subscriptions,
    usage,
    product,
    feed,
    checkout,
    changes,
    portal,
    invoices,
    links,
]


def init_app(app: APIFlask) -> None:
    """Register every resource, and what holds for all of them."""
    guard.init_app(app)
    bodies.init_app(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    openapi.init_app(app)
    app.register_blueprint(docs)
