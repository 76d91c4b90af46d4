"""Charges, disputes and what an invoice needs

Revision: 202611230309
Follows: 202611230255
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230309"
down_revision = "202611230255"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stripe_charges",
        sa.Column("stripe_customer_id", sa.String(), nullable=True),
        sa.Column("stripe_invoice_id", sa.String(), nullable=True),
        sa.Column("stripe_subscription_id", sa.String(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("amount_refunded", sa.BigInteger(), nullable=True),
        sa.Column("is_refunded", sa.Boolean(), nullable=False),
        sa.Column("is_disputed", sa.Boolean(), nullable=False),
        sa.Column("dispute_status", sa.String(), nullable=True),
        sa.Column("dispute_reason", sa.String(), nullable=True),
        sa.Column("is_warned_of", sa.Boolean(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("requested", sa.BigInteger(), nullable=False),
        sa.Column("synced", sa.BigInteger(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=True),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_charges")),
    )
    with op.batch_alter_table("stripe_charges", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stripe_charges_due_at"), ["due_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_stripe_charges_stripe_customer_id"), ["stripe_customer_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_stripe_charges_stripe_subscription_id"),
            ["stripe_subscription_id"],
            unique=False,
        )

    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.add_column(sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("action", sa.String(), nullable=True))

    with op.batch_alter_table("user_subscriptions", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_disputed", sa.Boolean(), server_default=sa.false(), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("user_subscriptions", schema=None) as batch_op:
        batch_op.drop_column("is_disputed")

    with op.batch_alter_table("invoices", schema=None) as batch_op:
        batch_op.drop_column("action")
        batch_op.drop_column("due_at")

    with op.batch_alter_table("stripe_charges", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stripe_charges_stripe_subscription_id"))
        batch_op.drop_index(batch_op.f("ix_stripe_charges_stripe_customer_id"))
        batch_op.drop_index(batch_op.f("ix_stripe_charges_due_at"))

    op.drop_table("stripe_charges")
