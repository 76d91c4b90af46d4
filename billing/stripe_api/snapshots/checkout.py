"""Checkout Sessions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from billing.stripe_api.snapshots.shapes import Json, id_of, moment_of, own_id, text_of, word_of


@dataclass(frozen=True, slots=True)
class CheckoutSnapshot:
    """A Checkout Session; `url` is null once it is no longer open.

    Only a session of mode `subscription` has a subscription; the others buy nothing that lasts.
    """

    id: str
    status: str | None
    payment_status: str | None
    customer_id: str | None
    subscription_id: str | None
    url: str | None
    expires_at: datetime | None
    mode: str | None = None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        session_id = own_id(data)
        mode = word_of(data.get("mode"))
        sells = mode in {None, "subscription"}  # the first sessions (2019) tell no mode
        return cls(
            id=session_id,
            status=word_of(data.get("status")),
            payment_status=word_of(data.get("payment_status")),
            customer_id=id_of(data.get("customer")),
            subscription_id=id_of(data.get("subscription")) if sells else None,
            url=text_of(data.get("url")),
            expires_at=moment_of(data.get("expires_at")),
            mode=mode,
        )


@dataclass(frozen=True, slots=True)
class PromotionCodeSnapshot:
    """A promotion code; with a customer it is for that one alone."""

    id: str
    customer_id: str | None

    @classmethod
    def from_stripe(cls, data: Json) -> Self:
        """Read the dict. Raises Unreadable."""
        return cls(own_id(data), id_of(data.get("customer")))
