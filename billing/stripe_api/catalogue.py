"""What do we ask of Stripe about what is sold? Products and prices, made and never mutated."""

from billing.stripe_api.connection import PAGE, Connection
from billing.stripe_api.snapshots import PriceSnapshot, ProductSnapshot


class CatalogueCalls(Connection):
    """Calls that keep the catalogue at Stripe."""

    def create_product(self, *, plan_name: str, name: str, description: str) -> ProductSnapshot:
        """Make the product of a plan."""
        described = {"description": description} if description else {}
        made = self._post(
            "/v1/products",
            {"name": name, "metadata": {"plan": plan_name}, **described},
            idempotency_key=f"product:{plan_name}:{name}:{description}"[:255],
        )
        return ProductSnapshot.from_stripe(made)

    def create_price(
        self,
        *,
        product_id: str,
        lookup_key: str,
        currency: str,
        interval: str,
        unit_amount: int,
        earlier: int,
    ) -> PriceSnapshot:
        """Make a recurring price. `unit_amount` is in the currency's minor unit.

        `earlier` counts the prices the product has: a repeated call makes no twin, and a price that
        was taken away since can be made anew.
        """
        made = self._post(
            "/v1/prices",
            {
                "product": product_id,
                "lookup_key": lookup_key,
                "currency": currency,
                "unit_amount": unit_amount,
                "recurring": {"interval": interval},
            },
            idempotency_key=f"price:{product_id}:{lookup_key}:{currency}:{unit_amount}:{earlier}",
        )
        return PriceSnapshot.from_stripe(made)

    def products_on_sale(self) -> list[ProductSnapshot]:
        """Every active product."""
        found, _ = self._list("/v1/products", {"active": "true", "limit": PAGE})
        return [ProductSnapshot.from_stripe(one) for one in found]
