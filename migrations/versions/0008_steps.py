"""Steps: several questions about an item, each on a lane of its own, and the answers of all but the last"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008_steps"
down_revision = "0007_file_uses"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(18, 8)
STEPPED = ("turns", "ranges", "results", "ledger")


def upgrade() -> None:
    """Constant defaults only: no table is rewritten. What is there belongs to the first step of its job."""
    op.add_column("jobs", sa.Column("steps", sa.SmallInteger(), server_default="1", nullable=False))
    op.add_column("items", sa.Column("sizes", postgresql.ARRAY(sa.Integer()), nullable=True))
    for table in STEPPED:
        op.add_column(table, sa.Column("step", sa.SmallInteger(), server_default="1", nullable=False))
    op.drop_constraint("pk_turns", "turns")
    op.create_primary_key("pk_turns", "turns", ["job_id", "step"])
    _create_steps()
    _create_answers()


def _create_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tenant_id", "name")),
        sa.Column("condition", postgresql.JSON(), nullable=True),
        sa.Column("preset", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("fingerprint", "prompt")),
        sa.Column("schema", postgresql.JSON(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("model", "provider", "lane", "rule")),
        sa.Column("by_size", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("detail", "fit")),
        sa.Column("max_side", sa.Integer(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("expected_prompt_tokens", sa.Integer(), nullable=True),
        *(sa.Column(f"{name}_output_tokens", sa.Integer(), nullable=False) for name in ("max", "expected")),
        sa.Column("high_output_tokens", sa.Integer(), nullable=True),
        *(
            sa.Column(name, sa.Integer(), server_default="0", nullable=False)
            for name in ("reached", "succeeded", "failed")
        ),
        *(
            sa.Column(f"{name}_tokens", sa.BigInteger(), server_default="0", nullable=False)
            for name in ("input", "output", "image", "cached")
        ),
        sa.Column("spent", MONEY, server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("job_id", "position", name=op.f("pk_steps")),
    )


def _create_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("tenant_id", "status")),
        sa.Column("answer", postgresql.JSON(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("error_code", "error_message")),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "number", "step", name=op.f("pk_answers")),
    )


def downgrade() -> None:
    """Only where no job has several steps: what the later ones did has no place in the older tables."""
    op.drop_table("answers")
    op.drop_table("steps")
    op.drop_constraint("pk_turns", "turns")
    op.create_primary_key("pk_turns", "turns", ["job_id"])
    for table in reversed(STEPPED):
        op.drop_column(table, "step")
    op.drop_column("items", "sizes")
    op.drop_column("jobs", "steps")
