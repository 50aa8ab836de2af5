"""LangGraph's own tables, made by our migrations as their owner.

Problem: the saver's `setup()` would create them as the application role, without a tenant, row-level security or fence.
Choice: the same tables (as of langgraph-checkpoint-postgres 3.2; a test compares them with what `setup()` makes) plus a
`tenant_id` that defaults to the connection's setting, so the saver's own SQL needs no change.
"""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB

from pipeline.store.tables import metadata


def _tenant() -> Column[str]:
    default = text("current_setting('changeline.tenant')")
    return Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False, server_default=default)


checkpoint_migrations = Table(
    "checkpoint_migrations", metadata, Column("v", Integer, primary_key=True, autoincrement=False), _tenant()
)

checkpoints = Table(
    "checkpoints", metadata,
    Column("thread_id", Text, nullable=False), Column("checkpoint_ns", Text, nullable=False, server_default=text("''")),
    Column("checkpoint_id", Text, nullable=False), Column("parent_checkpoint_id", Text), Column("type", Text),
    Column("checkpoint", JSONB, nullable=False), Column("metadata", JSONB, nullable=False, server_default=text("'{}'")), _tenant(),
    PrimaryKeyConstraint("thread_id", "checkpoint_ns", "checkpoint_id"), Index("checkpoints_thread_id_idx", "thread_id"),
)  # fmt: skip

checkpoint_blobs = Table(
    "checkpoint_blobs", metadata,
    Column("thread_id", Text, nullable=False), Column("checkpoint_ns", Text, nullable=False, server_default=text("''")),
    Column("channel", Text, nullable=False), Column("version", Text, nullable=False), Column("type", Text, nullable=False),
    Column("blob", LargeBinary), _tenant(),
    PrimaryKeyConstraint("thread_id", "checkpoint_ns", "channel", "version"), Index("checkpoint_blobs_thread_id_idx", "thread_id"),
)  # fmt: skip

checkpoint_writes = Table(
    "checkpoint_writes", metadata,
    Column("thread_id", Text, nullable=False), Column("checkpoint_ns", Text, nullable=False, server_default=text("''")),
    Column("checkpoint_id", Text, nullable=False), Column("task_id", Text, nullable=False), Column("idx", Integer, nullable=False),
    Column("channel", Text, nullable=False), Column("type", Text), Column("blob", LargeBinary, nullable=False),
    Column("task_path", Text, nullable=False, server_default=text("''")), _tenant(),
    PrimaryKeyConstraint("thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx"), Index("checkpoint_writes_thread_id_idx", "thread_id"),
)  # fmt: skip
