"""trial days

Revision: 202611230400
Follows: 202611230355
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230400"
down_revision = "202611230355"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("subscription_plans", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trial_days", sa.Integer(), nullable=True))
    op.execute("UPDATE subscription_plans SET trial_days = 0")
    with op.batch_alter_table("subscription_plans", schema=None) as batch_op:
        batch_op.alter_column("trial_days", existing_type=sa.Integer(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("subscription_plans", schema=None) as batch_op:
        batch_op.drop_column("trial_days")
