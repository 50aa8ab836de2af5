"""Journals of other installations, kept as files for replay: one new table that nothing else refers to.

Revision: 0003, after 0002. May run while the code before it serves: that code does not know the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TENANT = "current_setting('changeline.tenant', true)"


def upgrade() -> None:
    op.create_table(
        "imported_journals",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_imported_journals_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_imported_journals")),
    )
    op.execute("ALTER TABLE imported_journals ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE imported_journals FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_only ON imported_journals USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
    )
    op.execute(
        "CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON imported_journals "
        "FOR EACH STATEMENT EXECUTE FUNCTION changeline_fence()"
    )


def downgrade() -> None:
    op.drop_table("imported_journals")
