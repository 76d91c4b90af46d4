"""What does the whole account hold? Lists walked page by page, each page with its cursor."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from billing.stripe_api.connection import PAGE
from billing.stripe_api.gateway import WITH_PLANS, StripeGateway
from billing.stripe_api.snapshots import CustomerSnapshot, PriceSnapshot, SubscriptionSnapshot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some objects, and the id after which the list goes on."""

    objects: list[T]
    cursor: str


def subscriptions(
    gateway: StripeGateway, after: str | None
) -> Iterator[Page[SubscriptionSnapshot]]:
    """Every subscription of the account, ended ones too, the newest first."""
    query = {"status": "all", "expand": WITH_PLANS}
    for page in _pages(gateway, "/v1/subscriptions", query, after):
        whole = [gateway.with_all_items(one) for one in page]
        yield Page([SubscriptionSnapshot.from_stripe(one) for one in whole], page[-1]["id"])


def customers(gateway: StripeGateway, after: str | None) -> Iterator[Page[CustomerSnapshot]]:
    """Every customer who was not deleted."""
    for page in _pages(gateway, "/v1/customers", {}, after):
        yield Page([CustomerSnapshot.from_stripe(one) for one in page], page[-1]["id"])


def prices(
    gateway: StripeGateway, after: str | None, *, active: bool
) -> Iterator[Page[PriceSnapshot]]:
    """Every active, or every inactive, recurring price, with its product."""
    query = {"active": str(active).lower(), "type": "recurring", "expand": ["data.product"]}
    for page in _pages(gateway, "/v1/prices", query, after):
        yield Page([PriceSnapshot.from_stripe(one) for one in page], page[-1]["id"])


def events(
    gateway: StripeGateway, after: str | None, *, since: int
) -> Iterator[Page[dict[str, Any]]]:
    """Every event of the last 30 days at most, the newest first, whole as Stripe keeps them."""
    for page in _pages(gateway, "/v1/events", {"created": {"gte": since}}, after):
        yield Page(page, page[-1]["id"])


def _pages(
    gateway: StripeGateway, path: str, query: dict[str, Any], after: str | None
) -> Iterator[list[dict[str, Any]]]:
    start = {"starting_after": after} if after else {}
    for page, _ in gateway.pages(path, {**query, "limit": PAGE, **start}):
        if page:
            yield page
