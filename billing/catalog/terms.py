"""What does a plan give? Its features, its rates and its quotas, as values that travel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from billing.models import Metric, SubscriptionPlan
from billing.models.catalogue import MAX_QUANTITY, QUOTA_COLUMNS

FREE = "free"
"""The plan of everybody to whom no other applies."""

PLAN_COLUMNS = tuple(
    getattr(SubscriptionPlan, name)
    for name in (
        "id",
        "name",
        "display_name",
        "description",
        "rank",
        "features",
        "rate_limit_multiplier",
        "rate_limits",
        "quota_rules",
        "max_quantity",
        *QUOTA_COLUMNS.values(),
    )
)


class Over(StrEnum):
    """What happens to a count that would pass the quota."""

    REFUSE = "refuse"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True)
class QuotaRule:
    """How a quota is meant: for each seat, hard or soft, and from which share on it warns."""

    per_seat: bool = False
    over: Over = Over.REFUSE
    warn_at: float | None = None

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Self:
        """Read it as it is stored with the plan."""
        return cls(
            bool(stored.get("per_seat", False)),
            Over(stored.get("over", Over.REFUSE)),
            stored.get("warn_at"),
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan in force. A metric whose quota is None is unlimited; `quotas` are those of a seat."""

    id: UUID
    name: str
    display_name: str
    description: str
    rank: int
    features: frozenset[str]
    rate_limit_multiplier: Decimal
    rate_limits: Mapping[str, str]
    quotas: Mapping[Metric, int | None]
    rules: Mapping[Metric, QuotaRule] = field(default_factory=dict)
    max_quantity: int = MAX_QUANTITY

    def rule(self, metric: Metric) -> QuotaRule:
        """Return how the metric's quota is meant: hard and for the whole plan unless it says so."""
        return self.rules.get(metric, QuotaRule())

    @classmethod
    def of(cls, row: sa.Row[Any] | SubscriptionPlan) -> Self:
        """Build it from a stored plan, or from a row that has `PLAN_COLUMNS`."""
        return cls(
            id=row.id,
            name=row.name,
            display_name=row.display_name,
            description=row.description,
            rank=row.rank,
            features=frozenset(name for name, given in row.features.items() if given),
            rate_limit_multiplier=row.rate_limit_multiplier,
            rate_limits=row.rate_limits,
            rules={Metric(name): QuotaRule.read(rule) for name, rule in row.quota_rules.items()},
            max_quantity=row.max_quantity,
            quotas={metric: getattr(row, name) for metric, name in QUOTA_COLUMNS.items()},
        )
