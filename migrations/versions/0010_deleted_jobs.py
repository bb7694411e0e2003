"""Jobs that their owner has deleted, whose rows go little by little"""

import sqlalchemy as sa
from alembic import op

revision = "0010_deleted_jobs"
down_revision = "0009_ranges_by_step"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Jobs that were deleted and are not gone yet are there again."""
    op.drop_column("jobs", "deleted_at")
