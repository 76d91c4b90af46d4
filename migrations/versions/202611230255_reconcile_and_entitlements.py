"""Reconcile runs, gap runs, entitlements

Revision: 202611230255
Follows: 202611230240
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230255"
down_revision = "202611230240"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gap_runs",
        sa.Column("reached", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap_runs")),
    )
    op.create_table(
        "reconcile_runs",
        sa.Column("fixes", sa.Boolean(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("compared", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconcile_runs")),
    )
    op.create_table(
        "active_entitlements",
        sa.Column("stripe_customer_id", sa.String(), nullable=False),
        sa.Column("lookup_key", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["stripe_customer_id"],
            ["stripe_customers.id"],
            name=op.f("fk_active_entitlements_stripe_customer_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_active_entitlements")),
        sa.UniqueConstraint(
            "stripe_customer_id",
            "lookup_key",
            name=op.f("uq_active_entitlements_stripe_customer_id_lookup_key"),
        ),
    )
    with op.batch_alter_table("stripe_customers", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("entitlements_requested", sa.BigInteger(), server_default="0", nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("stripe_customers", schema=None) as batch_op:
        batch_op.drop_column("entitlements_requested")

    op.drop_table("active_entitlements")
    op.drop_table("reconcile_runs")
    op.drop_table("gap_runs")
