"""What calls may cost and did: our own count beside what was told, sizes that nobody has seen, what was sent"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_what_calls_cost"
down_revision = "0004_weights"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(18, 8)


def upgrade() -> None:
    """Constant defaults only: no table is rewritten."""
    op.add_column("jobs", sa.Column("expected_prompt_tokens", sa.Integer(), nullable=True))
    for name in ("doubted_cost", "excess_cost"):
        op.add_column("jobs", sa.Column(name, MONEY, server_default="0", nullable=False))
    op.add_column("items", sa.Column("unseen", sa.Boolean(), server_default=sa.false(), nullable=False))
    for table in ("results", "ledger"):
        op.add_column(table, sa.Column("counted", sa.Boolean(), server_default=sa.false(), nullable=False))
    for name, kind in (("decoding", sa.Integer()), ("sent", sa.Integer()), ("sent_costs", MONEY)):
        column = sa.Column(name, postgresql.ARRAY(kind), server_default=sa.text("'{}'"), nullable=False)
        op.add_column("ranges", column)


def downgrade() -> None:
    for name in ("sent_costs", "sent", "decoding"):
        op.drop_column("ranges", name)
    for table in ("ledger", "results"):
        op.drop_column(table, "counted")
    op.drop_column("items", "unseen")
    for name in ("excess_cost", "doubted_cost", "expected_prompt_tokens"):
        op.drop_column("jobs", name)
