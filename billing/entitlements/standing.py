"""Where does a user stand now? The plan in force, decided anew whenever anything has changed.

What was decided is remembered in this process. It is used again only until a moment at which time
alone could change it, and only while its version stands in the database: so a change counts from
the next request in every process, and whoever counts usage lets the counting statement itself
compare the version.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import cast
from uuid import UUID

from flask import current_app, g, has_request_context

from billing import clock
from billing.catalog.terms import Plan
from billing.entitlements import facts
from billing.entitlements.access import Access, Policy, Subscription, decide, steady_until
from billing.entitlements.facts import Action, Facts, Version
from billing.entitlements.windows import Interval, Window, day_of, monthly_window
from billing.models import Metric
from billing.settings import settings

EXTENSION = "billing_standings"
MOST = 5000
"""How many standings a process remembers; a few kilobytes each."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's plan at a moment, where they count, and what all of it was decided from."""

    user_id: UUID
    facts: Facts
    plan: Plan
    access: Access
    moment: datetime
    window: Window
    steady_until: datetime

    @classmethod
    def of(cls, user_id: UUID, known: Facts) -> "Standing":
        """Decide. The moment is now, or that of the customer's test clock."""
        moment = _moment(known)
        policy = Policy.of(settings())
        access = decide(known.subscriptions, policy, moment)
        window = monthly_window(access, moment)
        day = Window.around(moment, Interval.DAY, moment)
        turn = steady_until(known.subscriptions, policy, moment)
        return cls(
            user_id=user_id,
            facts=known,
            plan=access.plan or known.free,
            access=access,
            moment=moment,
            window=window,
            steady_until=min(turn, window.end, day.end),
        )

    def holds_at(self, moment: datetime) -> bool:
        """Tell whether time cannot have changed it, if nothing else did."""
        return self.moment <= moment < self.steady_until

    def limit(self, metric: Metric) -> int | None:
        """Return the quota in force, times the seats where it is sold by the seat."""
        quota = self.plan.quotas[metric]
        if quota is None or not self.plan.rule(metric).per_seat or self.access.plan is None:
            return quota
        subscription = self.access.subscription
        return quota * max(1, (subscription and subscription.quantity) or 1)

    @property
    def version(self) -> Version:
        """The version of what it was decided from."""
        return self.facts.version

    @property
    def day(self) -> date:
        """The UTC day in which daily quotas count."""
        return day_of(self.moment)

    @property
    def email(self) -> str | None:
        """The user's address."""
        return self.facts.email

    @property
    def user_created_at(self) -> datetime:
        """When the user came."""
        return self.facts.user_created_at

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All that the user has or had."""
        return self.facts.subscriptions

    @property
    def action(self) -> Action | None:
        """What an invoice needs of the customer."""
        return self.facts.action

    @property
    def as_of(self) -> datetime | None:
        """When the newest of what is shown was so at Stripe; None without a subscription."""
        return max((one.as_of for one in self.subscriptions), default=None)

    @property
    def confirmed(self) -> bool:
        """Tell whether nothing shown still waits to be confirmed by Stripe."""
        return all(one.confirmed for one in self.subscriptions)


def standing_of(user_id: UUID) -> Standing:
    """Tell where the user stands now; asked again in the same request, the same is told.

    One SQL statement if nothing is remembered or nothing has changed, else two. Raises NotFound
    for an unknown user, PlansMissing before the plans are seeded.
    """
    told = _told()
    if user_id not in told:
        told[user_id] = _unchanged(user_id) or _decided(user_id)
    return told[user_id]


def last_standing_of(user_id: UUID) -> Standing:
    """Tell where the user stood last: for a statement that compares the version by itself.

    Its moment is that at which it was decided, and in the same window and day.
    """
    return _told().get(user_id) or _remembered(user_id) or standing_of(user_id)


def forget_standings() -> None:
    """Look again from here on, after something has changed within this request."""
    if has_request_context():
        g.pop("standings", None)


def _told() -> dict[UUID, Standing]:
    if not has_request_context():
        return {}
    told: dict[UUID, Standing] = g.setdefault("standings", {})
    return told


def _unchanged(user_id: UUID) -> Standing | None:
    known = _remembered(user_id)
    if known is None or known.version != facts.version_of(user_id):
        return None
    return replace(known, moment=_moment(known.facts))


def _decided(user_id: UUID) -> Standing:
    decided, memory = Standing.of(user_id, facts.read(user_id)), _memory()
    if len(memory) >= MOST:
        memory.clear()  # who is here often is soon remembered again
    memory[user_id] = decided
    return decided


def _remembered(user_id: UUID) -> Standing | None:
    known = _memory().get(user_id)
    return known if known and known.holds_at(_moment(known.facts)) else None


def _memory() -> dict[UUID, Standing]:
    return cast("dict[UUID, Standing]", current_app.extensions.setdefault(EXTENSION, {}))


def _moment(known: Facts) -> datetime:
    frozen_at = None if known.frozen_at is None or settings().livemode else known.frozen_at
    return frozen_at or clock.utc_now()
