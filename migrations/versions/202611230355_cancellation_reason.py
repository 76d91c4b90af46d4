"""Why a subscription was canceled

Revision: 202611230355
Follows: 202611230340
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230355"
down_revision = "202611230340"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("user_subscriptions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cancellation_reason", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("user_subscriptions", schema=None) as batch_op:
        batch_op.drop_column("cancellation_reason")
