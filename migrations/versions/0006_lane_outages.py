"""Lanes whose provider does not answer"""

import sqlalchemy as sa
from alembic import op

revision = "0006_lane_outages"
down_revision = "0005_what_calls_cost"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lane_outages",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("probes", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_lane_outages")),
    )


def downgrade() -> None:
    op.drop_table("lane_outages")
