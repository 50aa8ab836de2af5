"""Two facts out of texts: that an effect was abandoned, and which activation took an intervention.

Revision: 0006, after 0005. May run while the code before it serves: that code does not know the columns. What it had said
in the owner of a claim and in notes is carried over; what it says there meanwhile newer code does not understand: such an
effect is tried once more when the claim has run out, and such a word is not given again to a stage that begins again.
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
        UPDATE interventions SET activation = regexp_replace(note, '^(skipped in|resumed) ', '')
            WHERE note ~ '^(skipped in|resumed) [0-9a-f-]{36}$';
    END LOOP;
END
$$
"""


def upgrade() -> None:
    op.add_column("effects", sa.Column("abandoned", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("interventions", sa.Column("activation", sa.Text(), nullable=True))
    op.execute(CARRY_OVER)


def downgrade() -> None:
    op.drop_column("interventions", "activation")
    op.drop_column("effects", "abandoned")
