"""Turns in the very order in which they are taken"""

import sqlalchemy as sa
from alembic import op

from migrations.online import add_index

revision = "0003_turns_in_order"
down_revision = "0002_fit_and_comparison"
branch_labels = None
depends_on = None

OLD = "ix_turns_lane_priority_service"
NEW = "ix_turns_order"


def upgrade() -> None:
    columns = ["lane", sa.text("priority DESC"), "service", "job_id"]
    add_index(NEW, "turns", columns, postgresql_where=sa.text("runnable"))
    op.drop_index(op.f(OLD), table_name="turns", if_exists=True)


def downgrade() -> None:
    op.create_index(op.f(OLD), "turns", ["lane", "priority", "service"], postgresql_where=sa.text("runnable"))
    op.drop_index(NEW, table_name="turns")
