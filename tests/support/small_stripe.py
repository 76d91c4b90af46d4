"""A Stripe of one customer, small enough to reason about: versions, events, and one clock.

It keeps what the protocol takes for granted, to the edge: an event's `created` may lie a second
behind the moment its state could be read, and the `Date` of an answer a second before it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
import responses

from billing.models.subscriptions import TERMINAL
from tests.support.events import stripe_event
from tests.support.stripe_objects import a_stripe_item, a_stripe_subscription

NOON = 1_795_400_000
CUSTOMER = "cus_1"
OLD_VERSION = "2025-03-31.basil"

Resource = dict[str, Any]
Answer = tuple[int, dict[str, str], str]


@dataclass
class SmallStripe:
    """The customer's subscriptions with all their versions; `quantity` numbers the versions."""

    now: int = NOON
    date_is_early: bool = False
    versions: dict[str, list[Resource]] = field(default_factory=dict)
    between_pages: Callable[[], object] = lambda: None
    _created: dict[str, int] = field(default_factory=dict)

    def change(self, subscription_id: str, status: str) -> Resource:
        """Make the next version of a subscription; one that has ended keeps its status."""
        earlier = self.versions.setdefault(subscription_id, [])
        ended_at = earlier[-1]["ended_at"] if earlier else None
        if ended_at is not None:
            status = earlier[-1]["status"]
        elif status in TERMINAL:
            ended_at = self.now
        item = a_stripe_item(f"si_{subscription_id}", quantity=len(earlier) + 1)
        earlier.append(
            a_stripe_subscription(subscription_id, status=status, ended_at=ended_at, items=[item])
        )
        return earlier[-1]

    def event(self, told: Resource, *, late: bool = False, old_version: bool = False) -> Resource:
        """Tell of the newest version; of one subscription `created` never goes back."""
        created = max(self._created.get(told["id"], 0), self.now + late)
        self._created[told["id"]] = created
        event = stripe_event("customer.subscription.updated", told, created=created)
        return event | {"api_version": OLD_VERSION} if old_version else event

    def serve(self, mock: responses.RequestsMock, base: str) -> None:
        """Answer every GET below this address."""
        mock.add_callback(responses.GET, re.compile(re.escape(base) + "/"), self._answer)

    def _answer(self, request: requests.PreparedRequest) -> Answer:
        path, query = urlsplit(str(request.url))[2:4]
        if path == f"/v1/customers/{CUSTOMER}":
            return self._dated({"id": CUSTOMER, "object": "customer", "metadata": {}})
        if path.startswith("/v1/subscriptions/"):
            return self._dated(self.versions[path.rsplit("/", 1)[1]][-1])
        assert path == "/v1/subscriptions", path
        return self._dated(self._page(parse_qs(query).get("starting_after", [])))

    def _page(self, after: list[str]) -> Resource:
        """One subscription a page, so that a list of several is read at several moments."""
        if after:
            self.between_pages()
        newest_first = list(reversed(self.versions))
        rest = newest_first[newest_first.index(after[0]) + 1 :] if after else newest_first
        found = [self.versions[one][-1] for one in rest[:1]]
        return {"object": "list", "data": found, "has_more": len(rest) > 1}

    def _dated(self, body: Resource) -> Answer:
        date = formatdate(self.now - self.date_is_early, usegmt=True)
        return 200, {"Date": date}, json.dumps(body)
