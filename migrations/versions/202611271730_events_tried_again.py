"""events tried again

Revision: 202611271730
Follows: 202611271710

A received event whose processing fails waits until its next attempt, and keeps nobody waiting.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271730"
down_revision = "202611271710"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stripe_events", sa.Column("due_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("stripe_events", "due_at")
