"""What checks of repositories found, one row per repository and manifest hash: one new table that nothing else refers to.

Revision: 0007, after 0006. May run while the code before it serves: that code does not know the table.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TENANT = "current_setting('changeline.tenant', true)"


def upgrade() -> None:
    op.create_table(
        "repository_surveys",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("manifest_hash", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'running'"), nullable=False),
        sa.Column("base_commit", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("progress", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("record", postgresql.JSONB(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_repository_surveys_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "repository", "manifest_hash", name=op.f("pk_repository_surveys")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_repository_surveys_tenant_id_id")),
    )
    op.execute("ALTER TABLE repository_surveys ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE repository_surveys FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_only ON repository_surveys USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
    )
    op.execute(
        "CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON repository_surveys "
        "FOR EACH STATEMENT EXECUTE FUNCTION changeline_fence()"
    )


def downgrade() -> None:
    op.drop_table("repository_surveys")
