"""customer unlinks

Revision: 202611271700
Follows: 202611230840

Which user and Stripe customer an operator has parted, and the reason of a change made by hand.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271700"
down_revision = "202611230840"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer_unlinks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("stripe_customer_id", sa.String(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_customer_unlinks_user_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer_unlinks")),
        sa.UniqueConstraint(
            "user_id",
            "stripe_customer_id",
            name=op.f("uq_customer_unlinks_user_id_stripe_customer_id"),
        ),
    )
    op.add_column("changes", sa.Column("reason", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.drop_column("reason")
    op.drop_table("customer_unlinks")
