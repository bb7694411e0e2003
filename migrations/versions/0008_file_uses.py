"""Which uploads a job's items name, so that no open job loses one"""

import sqlalchemy as sa
from alembic import op

revision = "0008_file_uses"
down_revision = "0005_what_calls_cost"
branch_labels = None
depends_on = None

OPEN_JOBS = r"""
    INSERT INTO file_uses (file_id, job_id, tenant_id)
    SELECT DISTINCT CAST(substr(source, 6) AS uuid), i.job_id, i.tenant_id
    FROM jobs j JOIN items i ON i.job_id = j.id CROSS JOIN LATERAL unnest(i.images) source
    WHERE j.finished_at IS NULL AND source ~ '^file_[0-9a-f]{32}$'
"""


def upgrade() -> None:
    op.create_table(
        "file_uses",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "job_id", name=op.f("pk_file_uses")),
    )
    op.execute(OPEN_JOBS)


def downgrade() -> None:
    op.drop_table("file_uses")
