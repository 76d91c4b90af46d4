"""attempts at stripe

Revision: 202611271710
Follows: 202611271705

Which requests to Stripe need another idempotency key, because the answer of the last one stays.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271710"
down_revision = "202611271705"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stripe_attempts",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stripe_attempts")),
    )


def downgrade() -> None:
    op.drop_table("stripe_attempts")
