"""quota rules

Revision: 202611230335
Follows: 202611230320
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "202611230335"
down_revision = "202611230320"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("subscription_plans", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "quota_rules",
                sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
                server_default="{}",
                nullable=False,
            )
        )


def downgrade() -> None:
    with op.batch_alter_table("subscription_plans", schema=None) as batch_op:
        batch_op.drop_column("quota_rules")
