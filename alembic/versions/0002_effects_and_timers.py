"""Ordered lanes of effects, where reports go, the announcer's cursor, and the turn of tenants.

Revision: 0002, after 0001. It only expands: a controller of the version before goes on beside it. What happened before
the migration is not announced, so each tenant's cursor begins at its last event.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BEGIN_AT_THE_LAST_EVENT = """
DO $$
DECLARE
    tenant text;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('changeline.tenant', tenant, true);
        INSERT INTO announcement_cursors (tenant_id, seq) SELECT tenant, coalesce(max(seq), 0) FROM events;
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.add_column("tenants", sa.Column("turn", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("change_requests", sa.Column("report_url", sa.Text(), nullable=True))
    op.execute("CREATE SEQUENCE effect_numbers")
    next_number = sa.text("nextval('effect_numbers')")
    op.add_column("effects", sa.Column("number", sa.BigInteger(), server_default=next_number, nullable=False))
    op.add_column("effects", sa.Column("lane", sa.Text(), nullable=True))
    op.create_index(
        "ix_effects_lane",
        "effects",
        ["tenant_id", "lane", "number"],
        unique=False,
        postgresql_where=sa.text("lane IS NOT NULL"),
    )
    op.create_table(
        "announcement_cursors",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("seq", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_announcement_cursors_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_announcement_cursors")),
    )
    op.execute("ALTER TABLE announcement_cursors ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE announcement_cursors FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY tenant_only ON announcement_cursors "
        "USING (tenant_id = current_setting('changeline.tenant', true)) "
        "WITH CHECK (tenant_id = current_setting('changeline.tenant', true))"
    )
    op.execute(BEGIN_AT_THE_LAST_EVENT)


def downgrade() -> None:
    op.drop_table("announcement_cursors")
    op.drop_index("ix_effects_lane", table_name="effects", postgresql_where=sa.text("lane IS NOT NULL"))
    op.drop_column("effects", "lane")
    op.drop_column("effects", "number")
    op.execute("DROP SEQUENCE effect_numbers")
    op.drop_column("change_requests", "report_url")
    op.drop_column("tenants", "turn")
