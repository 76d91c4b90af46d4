"""events of a subject

Revision: 202611230840
Follows: 202611230520

An event that was just kept has no subject yet, so the index of subjects need not hold it: keeping
one writes a page less.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230840"
down_revision = "202611230520"
branch_labels = None
depends_on = None

NAME = "ix_stripe_events_subject_generation"
COLUMNS = ["subject", "generation"]
KNOWN = sa.text("subject IS NOT NULL")


def upgrade() -> None:
    op.drop_index(NAME, "stripe_events")
    op.create_index(NAME, "stripe_events", COLUMNS, postgresql_where=KNOWN, sqlite_where=KNOWN)


def downgrade() -> None:
    op.drop_index(NAME, "stripe_events")
    op.create_index(NAME, "stripe_events", COLUMNS)
