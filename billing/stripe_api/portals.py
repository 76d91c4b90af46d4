"""What do we ask of Stripe about its customer portal? One configuration, and sessions of it."""

from collections.abc import Mapping
from typing import Any

from billing.stripe_api.connection import PAGE, Connection
from billing.stripe_api.snapshots import PortalConfiguration

PATH = "/v1/billing_portal/configurations"


class PortalCalls(Connection):
    """Calls about the portal."""

    def portal_configurations(self) -> list[PortalConfiguration]:
        """Every active configuration."""
        found, _ = self._list(PATH, {"active": "true", "limit": PAGE})
        return [PortalConfiguration.from_stripe(one) for one in found]

    def create_portal_configuration(
        self, parameters: Mapping[str, Any], *, idempotency_key: str
    ) -> PortalConfiguration:
        """Make a configuration."""
        made = self._post(PATH, parameters, idempotency_key=idempotency_key)
        return PortalConfiguration.from_stripe(made)

    def set_portal_configuration(
        self, configuration_id: str, parameters: Mapping[str, Any]
    ) -> PortalConfiguration:
        """Bring a configuration to what is wanted; lists are replaced whole."""
        made = self._set(f"{PATH}/{configuration_id}", parameters)
        return PortalConfiguration.from_stripe(made)

    def create_portal_session(self, parameters: Mapping[str, Any]) -> str:
        """Open the portal; return its short-lived address. Each call makes a fresh one."""
        return str(self._set("/v1/billing_portal/sessions", parameters)["url"])
