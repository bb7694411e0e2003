"""Waiting ranges by the step that they wait for"""

import sqlalchemy as sa
from alembic import op

from migrations.online import add_index

revision = "0009_ranges_by_step"
down_revision = "0008_steps"
branch_labels = None
depends_on = None

OLD, NEW = "ix_ranges_waiting", "ix_ranges_waiting_step"
WAITING = sa.text("lease_token IS NULL")


def upgrade() -> None:
    add_index(NEW, "ranges", ["job_id", "step", "stage", "run_at", "start"], postgresql_where=WAITING)
    op.drop_index(OLD, table_name="ranges", if_exists=True)


def downgrade() -> None:
    op.create_index(OLD, "ranges", ["job_id", "stage", "run_at", "start"], postgresql_where=WAITING)
    op.drop_index(NEW, table_name="ranges")
