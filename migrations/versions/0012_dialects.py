"""What providers' refusals have taught of their dialects"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012_dialects"
down_revision = "0011_phases"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dialects",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("learned", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("confirmed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("changes", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("probe_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("lane", name=op.f("pk_dialects")),
    )


def downgrade() -> None:
    op.drop_table("dialects")
