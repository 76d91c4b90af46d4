"""What does an operator ask of Stripe? The webhook endpoints, and what the key may."""

from billing import clock
from billing.stripe_api import faults
from billing.stripe_api.connection import PAGE, Connection, date_of
from billing.stripe_api.events import API_VERSION
from billing.stripe_api.snapshots import EndpointSnapshot

ENDPOINTS = "/v1/webhook_endpoints"


class OperatorCalls(Connection):
    """Calls about the set-up, not about anybody's subscription."""

    def webhook_endpoints(self) -> list[EndpointSnapshot]:
        """Every webhook endpoint of the account."""
        found, _ = self._list(ENDPOINTS, {"limit": PAGE})
        return [EndpointSnapshot.from_stripe(one) for one in found]

    def create_webhook_endpoint(
        self, url: str, events: list[str], *, earlier: int
    ) -> EndpointSnapshot:
        """Make an endpoint of the pinned API version; its secret is told this once.

        `earlier` counts the endpoints of this address: a second one is another wish.
        """
        told = {"url": url, "enabled_events": events, "api_version": API_VERSION}
        made = self._post(ENDPOINTS, told, idempotency_key=_wish(f"{url}:{earlier}"))
        return EndpointSnapshot.from_stripe(made)

    def update_webhook_endpoint(self, endpoint_id: str, events: list[str]) -> EndpointSnapshot:
        """Let the endpoint be told of these events, and switch it on."""
        told = {"enabled_events": events, "disabled": False}
        path = f"{ENDPOINTS}/{endpoint_id}"
        made = self._post(path, told, idempotency_key=_wish(endpoint_id))
        return EndpointSnapshot.from_stripe(made)

    def undelivered_since(self, moment: int) -> int:
        """Count the events since then whose delivery has not succeeded; 100 stand for more."""
        query = {"delivery_success": "false", "created": {"gte": moment}, "limit": PAGE}
        found, _ = next(self.pages("/v1/events", query))
        return len(found)

    def may(self, method: str, path: str) -> int:
        """Ask something harmless, to learn whether the key may; return Stripe's second.

        Raises StripeKeyRefused if it may not. What is written to should not exist.
        """
        try:
            return date_of(self._attempt(method, path, {}))  # a refusal is expected here
        except (faults.StripeMissing, faults.StripeRefused):
            return 0


def _wish(about: str) -> str:
    """Make the key of what an operator asked for now: the same again later is another wish."""
    return f"{about}:{clock.to_unix(clock.utc_now())}"
