"""Jobs with a weight: their share of the lane"""

import sqlalchemy as sa
from alembic import op

revision = "0004_weights"
down_revision = "0003_turns_in_order"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("weight", sa.SmallInteger(), server_default="1", nullable=False))


def downgrade() -> None:
    op.drop_column("jobs", "weight")
