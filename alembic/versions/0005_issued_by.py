"""Which token a browser's session came from, so that it ends with it: one new nullable column.

Revision: 0005, after 0004. May run while the code before it serves: that code does not know the column. Sessions that it
opened, or opens meanwhile, name no token; newer code does not accept them, and the browser signs in again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAME = "fk_access_tokens_issued_by_access_tokens"


def upgrade() -> None:
    op.add_column("access_tokens", sa.Column("issued_by", sa.Text(), nullable=True))
    op.create_foreign_key(op.f(_NAME), "access_tokens", "access_tokens", ["issued_by"], ["token_hash"])


def downgrade() -> None:
    op.drop_constraint(op.f(_NAME), "access_tokens", type_="foreignkey")
    op.drop_column("access_tokens", "issued_by")
