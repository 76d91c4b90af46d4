"""What does a plan give? Its features, its rates and its quotas, as values that travel."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from billing.models import Metric, SubscriptionPlan
from billing.models.catalogue import QUOTA_COLUMNS

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
        *QUOTA_COLUMNS.values(),
    )
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan in force. A metric whose quota is None is unlimited."""

    id: UUID
    name: str
    display_name: str
    description: str
    rank: int
    features: frozenset[str]
    rate_limit_multiplier: Decimal
    rate_limits: Mapping[str, str]
    quotas: Mapping[Metric, int | None]

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
            quotas={metric: getattr(row, name) for metric, name in QUOTA_COLUMNS.items()},
        )
