"""most seats

Revision: 202611271735
Follows: 202611271730

How many seats one subscription of a plan may have.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271735"
down_revision = "202611271730"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "subscription_plans",
        sa.Column("max_quantity", sa.Integer(), server_default=sa.text("1000"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("subscription_plans", "max_quantity")
