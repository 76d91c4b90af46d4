"""headers of kept answers

Revision: 202611271705
Follows: 202611271700

A view of a product answers with headers of its own, which a repeated request gets too.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271705"
down_revision = "202611271700"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("idempotency_keys", sa.Column("headers", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("idempotency_keys", "headers")
