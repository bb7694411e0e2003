"""What a range waits for is its phase: measure or call"""

from alembic import op

revision = "0011_phases"
down_revision = "0010_deleted_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """In one transaction; there are a few rows for each open job.

    No version was released before this one, so none has to work beside it. Later a new name will take two releases.
    """
    op.alter_column("ranges", "stage", new_column_name="phase")
    op.execute("UPDATE ranges SET phase = 'call' WHERE phase = 'work'")


def downgrade() -> None:
    op.execute("UPDATE ranges SET phase = 'work' WHERE phase = 'call'")
    op.alter_column("ranges", "phase", new_column_name="stage")
