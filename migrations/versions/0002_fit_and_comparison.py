"""Jobs that shrink images, and what was estimated beside what came of it"""

import sqlalchemy as sa
from alembic import op

from migrations.online import add_index, fill

revision = "0002_fit_and_comparison"
down_revision = "0001_jobs_and_results"
branch_labels = None
depends_on = None

SUMS = ("estimated_input_tokens", "estimated_image_tokens", "saved_image_tokens")
INDEX = "ix_jobs_tenant_id_fingerprint_model_id"


def upgrade() -> None:
    for column in (
        sa.Column("fit", sa.Text(), server_default="none", nullable=False),
        sa.Column("max_side", sa.Integer(), nullable=True),
        sa.Column("high_output_tokens", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False) for name in SUMS),
        sa.Column("sizes_corrected", sa.Integer(), server_default="0", nullable=False),
    ):
        op.add_column("jobs", column, if_not_exists=True)
    # What older jobs were estimated at, in so far as it can still be told.
    fill(
        "jobs",
        "estimated_input_tokens = greatest(0, estimated_tokens - measured::bigint * expected_output_tokens), "
        "estimated_image_tokens = "
        "greatest(0, estimated_tokens - measured::bigint * (prompt_tokens + expected_output_tokens))",
    )
    add_index(op.f(INDEX), "jobs", ["tenant_id", "fingerprint", "model", "id"])


def downgrade() -> None:
    op.drop_index(op.f(INDEX), table_name="jobs")
    for name in ("sizes_corrected", *reversed(SUMS), "high_output_tokens", "max_side", "fit"):
        op.drop_column("jobs", name)
