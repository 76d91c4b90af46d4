"""changes of plans

Revision: 202611230510
Follows: 202611230400
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230510"
down_revision = "202611230400"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("plan", sa.String(), nullable=True))
        batch_op.alter_column("stripe_id", existing_type=sa.String(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM changes WHERE stripe_id IS NULL")
    with op.batch_alter_table("changes", schema=None) as batch_op:
        batch_op.alter_column("stripe_id", existing_type=sa.String(), nullable=False)
        batch_op.drop_column("plan")
