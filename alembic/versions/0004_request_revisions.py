"""The texts a request has had: as submitted, as people edited it, as its source changed it. One new table.

Revision: 0004, after 0003. May run while the code before it serves: that code does not know the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TENANT = "current_setting('changeline.tenant', true)"


def upgrade() -> None:
    op.create_table(
        "request_revisions",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["cr_id"], ["change_requests.id"], name=op.f("fk_request_revisions_cr_id_change_requests")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_request_revisions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "revision", name=op.f("pk_request_revisions")),
    )
    op.execute("ALTER TABLE request_revisions ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE request_revisions FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY tenant_only ON request_revisions USING (tenant_id = {TENANT}) WITH CHECK (tenant_id = {TENANT})"
    )
    op.execute(
        "CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON request_revisions "
        "FOR EACH STATEMENT EXECUTE FUNCTION changeline_fence()"
    )


def downgrade() -> None:
    op.drop_table("request_revisions")
