"""What is sold: plans, the prices that buy them, and Stripe's products behind them."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from billing.database import Base
from billing.models.columns import Timestamps, UuidKey
from billing.models.customers import RefreshState
from billing.models.usage import Metric

MAX_QUANTITY = 1_000
"""How many seats one subscription may have where plans.toml says nothing of its plan."""

QUOTA_COLUMNS = {
    Metric.API_CALLS: "max_api_calls_per_day",
    Metric.JOBS_CREATED: "max_jobs_per_month",
    Metric.STORAGE_USED_MB: "max_storage_mb",
    Metric.COMPUTE_MINUTES: "max_compute_minutes_per_month",
}
"""Where a plan keeps its quota of a metric."""


class SubscriptionPlan(UuidKey, Timestamps, Base):
    """A plan: features, limits and quotas. A null quota is unlimited.

    `price_cents` is the monthly price in the default currency's minor unit. `is_active` means on
    sale: holders of an inactive plan keep everything it gives.
    """

    __tablename__ = "subscription_plans"

    name: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    description: Mapped[str] = mapped_column(default="")
    price_cents: Mapped[int] = mapped_column(default=0)
    billing_period: Mapped[str] = mapped_column(default="month")
    features: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rate_limits: Mapped[dict[str, Any]] = mapped_column(default=dict)
    rate_limit_multiplier: Mapped[Decimal] = mapped_column(sa.Numeric(4, 2), default=Decimal(1))
    max_jobs_per_month: Mapped[int | None]
    max_storage_mb: Mapped[int | None]
    max_api_calls_per_day: Mapped[int | None]
    max_compute_minutes_per_month: Mapped[int | None]
    quota_rules: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    trial_days: Mapped[int] = mapped_column(default=0)
    max_quantity: Mapped[int] = mapped_column(
        default=MAX_QUANTITY, server_default=sa.text(str(MAX_QUANTITY))
    )
    rank: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)

    prices: Mapped[list["PlanPrice"]] = relationship(
        back_populates="plan", order_by="PlanPrice.interval, PlanPrice.currency"
    )

    __table_args__ = (
        sa.CheckConstraint("rate_limit_multiplier > 0", name="multiplier_positive"),
        sa.CheckConstraint("price_cents >= 0", name="price_not_negative"),
    )


class PlansVersion(Base):
    """One row, whose version a trigger changes with every change of a plan."""

    __tablename__ = "plans_version"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=1)
    version: Mapped[int] = mapped_column(sa.BigInteger, default=0)

    __table_args__ = (sa.CheckConstraint("id = 1", name="one_row"),)


class PlanPrice(UuidKey, Timestamps, Base):
    """One Stripe Price that buys a plan. `unit_amount` is in the currency's minor unit.

    Only what is `offered` is sold and published; who holds another price keeps its plan.
    """

    __tablename__ = "plan_prices"

    plan_id: Mapped[UUID] = mapped_column(
        sa.ForeignKey("subscription_plans.id", ondelete="RESTRICT"), index=True
    )
    stripe_price_id: Mapped[str] = mapped_column(unique=True)
    stripe_product_id: Mapped[str | None] = mapped_column(index=True)
    lookup_key: Mapped[str | None]
    currency: Mapped[str]
    interval: Mapped[str]
    interval_count: Mapped[int] = mapped_column(default=1)
    unit_amount: Mapped[int | None] = mapped_column(sa.BigInteger)
    active: Mapped[bool] = mapped_column(default=True)
    offered: Mapped[bool] = mapped_column(default=False, server_default=sa.false())

    plan: Mapped[SubscriptionPlan] = relationship(back_populates="prices")


class IgnoredObject(Timestamps, Base):
    """A product or price at Stripe that the operator called not ours; beats every mapping."""

    __tablename__ = "ignored_objects"

    stripe_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]

    __table_args__ = (sa.CheckConstraint("kind IN ('product', 'price')", name="kind_known"),)


class StripeProduct(RefreshState, Timestamps, Base):
    """A product at Stripe and how far we are in following it; its prices come with it."""

    __tablename__ = "stripe_products"

    name: Mapped[str | None]
    active: Mapped[bool | None]
    plan_name: Mapped[str | None]
