"""How does a customer manage cards, invoices and the subscription? In Stripe's portal."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import current_app

from billing.catalog import portal
from billing.errors import StripeUnavailable
from billing.sales.checkout import allowed
from billing.sales.holdings import customer_of_holder, holding_of
from billing.settings import settings
from billing.stripe_api import transport
from billing.stripe_api.gateway import gateway

EXTENSION = "billing_portal_configuration"


class PortalNotConfigured(StripeUnavailable):
    """There is no portal configuration of ours at Stripe yet."""

    code = "portal_not_configured"
    retry_after = 60


class Flow(StrEnum):
    """Where in the portal to begin."""

    PAYMENT_METHOD_UPDATE = "payment_method_update"
    SUBSCRIPTION_CANCEL = "subscription_cancel"
    SUBSCRIPTION_UPDATE = "subscription_update"


def open_portal(user_id: UUID, return_url: str | None = None, flow: Flow | None = None) -> str:
    """Open the portal for the user; return an address that is good for minutes.

    Raises NoSubscription, ReturnUrlNotAllowed, PortalNotConfigured, StripeUnavailable.
    """
    came_from = allowed(return_url) or f"{settings().app_url}/account"
    customer_id = customer_of_holder(user_id)
    with transport.within(settings().request_budget):
        told = {
            "customer": customer_id,
            "configuration": _configuration_id(),
            "return_url": came_from,
        }
        return gateway().create_portal_session(told | _beginning(customer_id, flow))


def _beginning(customer_id: str, flow: Flow | None) -> dict[str, Any]:
    if flow is None:
        return {}
    told: dict[str, Any] = {"type": flow.value}
    if flow is not Flow.PAYMENT_METHOD_UPDATE:
        told[flow.value] = {"subscription": holding_of(customer_id).id}
    return {"flow_data": told}


def _configuration_id() -> str:
    """Find our configuration; its id never changes, so it is asked for once a process."""
    known: str | None = current_app.extensions.get(EXTENSION)
    if known is None:
        ours = portal.ours()
        if ours is None:
            raise PortalNotConfigured("Run `flask billing catalog apply` once.")
        known = current_app.extensions[EXTENSION] = ours.id
    return known
