"""link revocations

Revision: 202611271736
Follows: 202611271735

How often the upgrade links of a user were revoked.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611271736"
down_revision = "202611271735"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "link_revocations",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("revocations", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_link_revocations_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_link_revocations")),
    )


def downgrade() -> None:
    op.drop_table("link_revocations")
