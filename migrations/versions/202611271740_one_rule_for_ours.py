"""one rule for ours

Revision: 202611271740
Follows: 202611271736

What is sold today is marked as offered: the prices that carry the lookup key of their plan and
interval, and, where a plan has none of these, the price that a checkout chose until now. Every
customer is requested once, so that the next sweeps store what the rule says of their items.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271740"
down_revision = "202611271736"
branch_labels = None
depends_on = None

MARK_NAMED = """
UPDATE plan_prices SET offered = TRUE
WHERE active AND interval_count = 1 AND EXISTS (
  SELECT 1 FROM subscription_plans p WHERE p.id = plan_prices.plan_id AND plan_prices.lookup_key IN
  (p.name || '_' || plan_prices.interval,
   p.name || '_' || plan_prices.interval || '_' || plan_prices.currency))
"""
MARK_CHOSEN = """
UPDATE plan_prices SET offered = TRUE WHERE id IN (
  SELECT id FROM (
    SELECT id, ROW_NUMBER() OVER (
      PARTITION BY plan_id, interval, currency
      ORDER BY CASE WHEN lookup_key IS NULL THEN 1 ELSE 0 END, created_at DESC
    ) AS place, MAX(CASE WHEN offered THEN 1 ELSE 0 END) OVER (
      PARTITION BY plan_id, interval, currency
    ) AS named
    FROM plan_prices WHERE active AND interval_count = 1
  ) AS priced WHERE place = 1 AND named = 0)
"""
KEEP_HELD = """
UPDATE user_subscriptions SET held_price_id = stripe_price_id, held_item_id = (
  SELECT MIN(stripe_subscription_item_id) FROM subscription_items i
  WHERE i.subscription_id = user_subscriptions.id
  AND i.stripe_price_id = user_subscriptions.stripe_price_id)
WHERE held_plan_id IS NOT NULL
"""
REQUEST_EVERY_CUSTOMER = """
UPDATE stripe_customers SET requested = requested + 1, attempts = 0,
  due_at = COALESCE(due_at, updated_at)
"""


def upgrade() -> None:
    op.create_table(
        "ignored_objects",
        sa.Column("stripe_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('product', 'price')", name=op.f("ck_ignored_objects_kind_known")
        ),
        sa.PrimaryKeyConstraint("stripe_id", name=op.f("pk_ignored_objects")),
    )
    op.add_column(
        "plan_prices",
        sa.Column("offered", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "user_subscriptions",
        sa.Column("is_ours", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.add_column("user_subscriptions", sa.Column("held_item_id", sa.String(), nullable=True))
    op.add_column("user_subscriptions", sa.Column("held_price_id", sa.String(), nullable=True))
    op.add_column("subscription_items", sa.Column("stripe_product_id", sa.String(), nullable=True))
    op.create_index(
        op.f("ix_subscription_items_stripe_product_id"), "subscription_items", ["stripe_product_id"]
    )
    for statement in (MARK_NAMED, MARK_CHOSEN, KEEP_HELD, REQUEST_EVERY_CUSTOMER):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_subscription_items_stripe_product_id"), "subscription_items")
    op.drop_column("subscription_items", "stripe_product_id")
    op.drop_column("user_subscriptions", "held_price_id")
    op.drop_column("user_subscriptions", "held_item_id")
    op.drop_column("user_subscriptions", "is_ours")
    op.drop_column("plan_prices", "offered")
    op.drop_table("ignored_objects")
