"""Checkout Sessions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, id_of, moment_of, text_of


@dataclass(frozen=True, slots=True)
class CheckoutSnapshot:
    """A Checkout Session; `url` is null once it is no longer open."""

    id: str
    status: str | None
    payment_status: str | None
    customer_id: str | None
    subscription_id: str | None
    url: str | None
    expires_at: datetime | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        return cls(
            id=data["id"],
            status=text_of(data.get("status")),
            payment_status=text_of(data.get("payment_status")),
            customer_id=id_of(data.get("customer")),
            subscription_id=id_of(data.get("subscription")),
            url=text_of(data.get("url")),
            expires_at=moment_of(data.get("expires_at")),
        )
