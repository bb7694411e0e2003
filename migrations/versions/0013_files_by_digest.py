"""Uploads are found by their bytes' digest"""

from alembic import op

revision = "0013_files_by_digest"
down_revision = "0012_dialects"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_files_tenant_id_sha256"), "files", ["tenant_id", "sha256"])


def downgrade() -> None:
    op.drop_index(op.f("ix_files_tenant_id_sha256"), "files")
