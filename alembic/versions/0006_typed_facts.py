"""Effects of an ended change request that an executor still has in hand: said in a column of its own.

Revision: 0006, after 0005. May run while the code before it serves: that code does not know the column. What it had said in
the column of the owner is carried over; what it says there meanwhile is tried once more when the claim has run out.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CARRY_OVER = """
DO $$
DECLARE
    tenant text;
BEGIN
    FOR tenant IN SELECT id FROM tenants LOOP
        PERFORM set_config('changeline.tenant', tenant, true);
        UPDATE effects SET abandoned = true WHERE status = 'claimed' AND claimed_by = 'dismissed';
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.add_column("effects", sa.Column("abandoned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.execute(CARRY_OVER)


def downgrade() -> None:
    op.drop_column("effects", "abandoned")
