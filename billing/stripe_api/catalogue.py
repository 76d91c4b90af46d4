"""What do we ask of Stripe about what is sold? Products, prices, features; no price is mutated."""

from collections.abc import Mapping
from typing import Any

from billing.stripe_api.connection import PAGE, Connection
from billing.stripe_api.snapshots import FeatureSnapshot, PriceSnapshot, ProductSnapshot

FEATURES = "/v1/entitlements/features"


class CatalogueCalls(Connection):
    """Calls that keep the catalogue at Stripe."""

    def products(self) -> list[ProductSnapshot]:
        """Every product, those that are sold no more too."""
        found, _ = self._list("/v1/products", {"limit": PAGE})
        return [ProductSnapshot.from_stripe(one) for one in found]

    def create_product(
        self, parameters: Mapping[str, Any], *, idempotency_key: str
    ) -> ProductSnapshot:
        """Make a product."""
        made = self._post("/v1/products", parameters, idempotency_key=idempotency_key)
        return ProductSnapshot.from_stripe(made)

    def set_product(self, product_id: str, parameters: Mapping[str, Any]) -> ProductSnapshot:
        """Bring a product to what is wanted; to say it again changes nothing."""
        return ProductSnapshot.from_stripe(self._set(f"/v1/products/{product_id}", parameters))

    def create_price(self, parameters: Mapping[str, Any], *, idempotency_key: str) -> PriceSnapshot:
        """Make a recurring price, which takes its lookup key from whatever price holds it."""
        told = {**parameters, "transfer_lookup_key": True}
        made = self._post("/v1/prices", told, idempotency_key=idempotency_key)
        return PriceSnapshot.from_stripe(made)

    def archive_price(self, price_id: str) -> PriceSnapshot:
        """Sell it no more; who has it keeps it."""
        return PriceSnapshot.from_stripe(self._set(f"/v1/prices/{price_id}", {"active": False}))

    def features(self) -> list[FeatureSnapshot]:
        """Every feature that is not archived."""
        found, _ = self._list(FEATURES, {"archived": "false", "limit": PAGE})
        return [FeatureSnapshot.from_stripe(one) for one in found]

    def create_feature(self, lookup_key: str, *, idempotency_key: str) -> FeatureSnapshot:
        """Make a feature; lookup keys are unique and never change."""
        told = {"lookup_key": lookup_key, "name": lookup_key}
        made = self._post(FEATURES, told, idempotency_key=idempotency_key)
        return FeatureSnapshot.from_stripe(made)

    def features_of_product(self, product_id: str) -> dict[str, str]:
        """What attaches each feature to the product: ids by lookup key."""
        found, _ = self._list(f"/v1/products/{product_id}/features", {"limit": PAGE})
        return {one["entitlement_feature"]["lookup_key"]: one["id"] for one in found}

    def attach_feature(self, product_id: str, feature_id: str) -> None:
        """Give the product the feature; at Stripe, holders get it at their next change."""
        self._set(f"/v1/products/{product_id}/features", {"entitlement_feature": feature_id})

    def detach_feature(self, product_id: str, attachment_id: str) -> None:
        """Take the feature from the product."""
        self._delete(f"/v1/products/{product_id}/features/{attachment_id}", {})
