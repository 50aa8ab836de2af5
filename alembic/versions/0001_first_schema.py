"""The first schema: every table, row-level security with FORCE, the fence trigger, the sequence of public event numbers.

Revision: 0001, after nothing. Nothing serves before it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


TENANT_TABLES = (
    "principals", "access_tokens", "repositories", "change_requests", "change_request_repositories", "idempotency_keys",
    "attempts", "leases", "lease_beats", "events", "journal", "blobs", "model_calls", "effects", "gates", "interventions",
    "spec_revisions", "stage_results", "test_runs", "findings", "artifacts", "pull_requests", "settings_versions", "learnings",
    "timers", "audit_log", "checkpoint_migrations", "checkpoints", "checkpoint_blobs", "checkpoint_writes",
)  # fmt: skip
FENCED_TABLES = (
    "change_requests", "change_request_repositories", "attempts", "lease_beats", "events", "journal", "blobs", "model_calls",
    "effects", "gates", "interventions", "spec_revisions", "stage_results", "test_runs", "findings", "artifacts",
    "pull_requests", "learnings", "timers", "checkpoints", "checkpoint_blobs", "checkpoint_writes",
)  # fmt: skip

FENCE = """
CREATE FUNCTION changeline_fence() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    writer text := current_setting('changeline.cr', true);
    held bigint;
BEGIN
    IF writer IS NULL OR writer = '' THEN
        RETURN NULL;
    END IF;
    SELECT epoch INTO held FROM leases WHERE cr_id = writer FOR SHARE;
    IF held IS DISTINCT FROM current_setting('changeline.epoch')::bigint THEN
        RAISE EXCEPTION 'the lease of % moved on to epoch %', writer, held USING ERRCODE = 'CL001';
    END IF;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_table(
        "audit_log",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_audit_log_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_table(
        "blobs",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_blobs_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "sha256", name=op.f("pk_blobs")),
    )
    op.create_table(
        "change_requests",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'change'"), nullable=False),
        sa.Column("source", sa.Text(), server_default=sa.text("'api'"), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=True),
        sa.Column("external_url", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("pause_reason", sa.Text(), nullable=True),
        sa.Column("pause_message", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "pause_facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("wait_kind", sa.Text(), nullable=True),
        sa.Column("wait_id", sa.Text(), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "structured", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "settings_snapshot", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("cost_usd", sa.Numeric(precision=16, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_change_requests_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change_requests")),
    )
    op.create_index("ix_change_requests_board", "change_requests", ["tenant_id", "created_at", "id"], unique=False)
    op.create_index("ix_change_requests_queue", "change_requests", ["tenant_id", "status", "queued_at"], unique=False)
    op.create_index(
        "uq_change_requests_live_external",
        "change_requests",
        ["tenant_id", "source", "external_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('completed', 'failed', 'cancelled') AND external_id IS NOT NULL"),
    )
    op.create_table(
        "checkpoint_blobs",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("blob", sa.LargeBinary(), nullable=True),
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_checkpoint_blobs_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("thread_id", "checkpoint_ns", "channel", "version", name=op.f("pk_checkpoint_blobs")),
    )
    op.create_index("checkpoint_blobs_thread_id_idx", "checkpoint_blobs", ["thread_id"], unique=False)
    op.create_table(
        "checkpoint_migrations",
        sa.Column("v", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_checkpoint_migrations_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("v", name=op.f("pk_checkpoint_migrations")),
    )
    op.create_table(
        "checkpoint_writes",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Text(), nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("blob", sa.LargeBinary(), nullable=False),
        sa.Column("task_path", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_checkpoint_writes_tenant_id_tenants")),
        sa.PrimaryKeyConstraint(
            "thread_id", "checkpoint_ns", "checkpoint_id", "task_id", "idx", name=op.f("pk_checkpoint_writes")
        ),
    )
    op.create_index("checkpoint_writes_thread_id_idx", "checkpoint_writes", ["thread_id"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("thread_id", sa.Text(), nullable=False),
        sa.Column("checkpoint_ns", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("checkpoint_id", sa.Text(), nullable=False),
        sa.Column("parent_checkpoint_id", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("checkpoint", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_checkpoints_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("thread_id", "checkpoint_ns", "checkpoint_id", name=op.f("pk_checkpoints")),
    )
    op.create_index("checkpoints_thread_id_idx", "checkpoints", ["thread_id"], unique=False)
    op.create_table(
        "principals",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'user'"), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_principals_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principals")),
    )
    op.create_table(
        "repositories",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("base_branch", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_repositories_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_repositories")),
        sa.UniqueConstraint(
            "tenant_id", "remote", "base_branch", name=op.f("uq_repositories_tenant_id_remote_base_branch")
        ),
    )
    op.create_table(
        "settings_versions",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_settings_versions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "section", "version", name=op.f("pk_settings_versions")),
    )
    op.create_table(
        "access_tokens",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), server_default=sa.text("'api'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principals.id"], name=op.f("fk_access_tokens_principal_id_principals")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_access_tokens_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_access_tokens")),
    )
    op.create_table(
        "artifacts",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_artifacts_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_artifacts_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "kind", "name", name=op.f("pk_artifacts")),
    )
    op.create_table(
        "attempts",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("mode", sa.Text(), server_default=sa.text("'first'"), nullable=False),
        sa.Column("from_stage", sa.Text(), nullable=True),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("graph_version", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("code_version", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_attempts_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_attempts_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "attempt", name=op.f("pk_attempts")),
    )
    op.create_table(
        "change_request_repositories",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("target", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("base_commit", sa.Text(), nullable=True),
        sa.Column("tests_commit", sa.Text(), nullable=True),
        sa.Column("head_commit", sa.Text(), nullable=True),
        sa.Column("merge_commit", sa.Text(), nullable=True),
        sa.Column("branch", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["cr_id"], ["change_requests.id"], name=op.f("fk_change_request_repositories_cr_id_change_requests")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_change_request_repositories_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("cr_id", "repository", name=op.f("pk_change_request_repositories")),
    )
    op.create_table(
        "effects",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'intended'"), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("claimed_by", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_effects_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_effects_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_effects_tenant_id_key")),
    )
    op.create_index("ix_effects_due", "effects", ["tenant_id", "status", "next_try_at"], unique=False)
    op.create_table(
        "events",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_events_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_events_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_cr", "events", ["cr_id", "seq"], unique=False)
    op.create_index(
        "ix_events_unsequenced", "events", ["tenant_id", "id"], unique=False, postgresql_where=sa.text("seq IS NULL")
    )
    op.create_index(
        "uq_events_seq", "events", ["tenant_id", "seq"], unique=True, postgresql_where=sa.text("seq IS NOT NULL")
    )
    op.create_table(
        "findings",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("activation", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_findings_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_findings_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_cr", "findings", ["cr_id", "created_at"], unique=False)
    op.create_table(
        "gates",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("comment", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("answer", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_gates_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_gates_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gates")),
    )
    op.create_index("ix_gates_open", "gates", ["tenant_id", "status", "created_at"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["cr_id"], ["change_requests.id"], name=op.f("fk_idempotency_keys_cr_id_change_requests")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_idempotency_keys_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "principal_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_table(
        "interventions",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("delivered_turn", sa.Integer(), nullable=True),
        sa.Column("delivered_role", sa.Text(), nullable=True),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_interventions_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_interventions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interventions")),
    )
    op.create_index("ix_interventions_open", "interventions", ["cr_id", "status", "created_at"], unique=False)
    op.create_table(
        "journal",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("activation", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_journal_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_journal_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "attempt", "activation", "role", "instance", "seq", name=op.f("pk_journal")),
    )
    op.create_table(
        "learnings",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'proposed'"), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_learnings_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_learnings_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learnings")),
    )
    op.create_index("ix_learnings_repository", "learnings", ["tenant_id", "repository", "status"], unique=False)
    op.create_table(
        "lease_beats",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("working_s", sa.Numeric(precision=14, scale=3), server_default=sa.text("0"), nullable=False),
        sa.Column("activity", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_lease_beats_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_lease_beats_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", name=op.f("pk_lease_beats")),
    )
    op.create_table(
        "leases",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_leases_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_leases_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", name=op.f("pk_leases")),
    )
    op.create_table(
        "model_calls",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=True),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'reserved'"), nullable=False),
        sa.Column("worst_case_usd", sa.Numeric(precision=16, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=16, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_write_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_read_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("estimated", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("latency_ms", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_model_calls_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_model_calls_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_model_calls")),
    )
    op.create_index("ix_model_calls_cr", "model_calls", ["cr_id", "attempt"], unique=False)
    op.create_index("ix_model_calls_tenant_time", "model_calls", ["tenant_id", "reserved_at"], unique=False)
    op.create_table(
        "pull_requests",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("base_branch", sa.Text(), nullable=False),
        sa.Column("head_branch", sa.Text(), nullable=False),
        sa.Column("head_commit", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("merge_commit", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_pull_requests_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_pull_requests_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "attempt", "repository", name=op.f("pk_pull_requests")),
    )
    op.create_table(
        "spec_revisions",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("activation", sa.Text(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("spec", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["cr_id"], ["change_requests.id"], name=op.f("fk_spec_revisions_cr_id_change_requests")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_spec_revisions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "attempt", "repository", "revision", name=op.f("pk_spec_revisions")),
        sa.UniqueConstraint(
            "cr_id",
            "attempt",
            "repository",
            "activation",
            name=op.f("uq_spec_revisions_cr_id_attempt_repository_activation"),
        ),
    )
    op.create_table(
        "stage_results",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("activation", sa.Text(), nullable=False),
        sa.Column("inputs_hash", sa.Text(), nullable=False),
        sa.Column("valid", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_stage_results_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_stage_results_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("cr_id", "attempt", "repository", "stage", "activation", name=op.f("pk_stage_results")),
    )
    op.create_table(
        "test_runs",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("activation", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("verdict", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_test_runs_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_test_runs_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_runs")),
    )
    op.create_index("ix_test_runs_cr", "test_runs", ["cr_id", "created_at"], unique=False)
    op.create_table(
        "timers",
        sa.Column(
            "tenant_id", sa.Text(), server_default=sa.text("current_setting('changeline.tenant')"), nullable=False
        ),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("cr_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["cr_id"], ["change_requests.id"], name=op.f("fk_timers_cr_id_change_requests")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_timers_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timers")),
    )
    op.create_index(
        "ix_timers_due", "timers", ["tenant_id", "due_at"], unique=False, postgresql_where=sa.text("fired_at IS NULL")
    )
    op.execute("CREATE SEQUENCE event_numbers")
    op.execute(FENCE)
    for table in TENANT_TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant_only ON {table} USING (tenant_id = current_setting('changeline.tenant', true)) "
            "WITH CHECK (tenant_id = current_setting('changeline.tenant', true))"
        )
    for table in FENCED_TABLES:
        op.execute(
            f"CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION changeline_fence()"
        )


def downgrade() -> None:
    op.drop_index("ix_timers_due", table_name="timers", postgresql_where=sa.text("fired_at IS NULL"))
    op.drop_table("timers")
    op.drop_index("ix_test_runs_cr", table_name="test_runs")
    op.drop_table("test_runs")
    op.drop_table("stage_results")
    op.drop_table("spec_revisions")
    op.drop_table("pull_requests")
    op.drop_index("ix_model_calls_tenant_time", table_name="model_calls")
    op.drop_index("ix_model_calls_cr", table_name="model_calls")
    op.drop_table("model_calls")
    op.drop_table("leases")
    op.drop_table("lease_beats")
    op.drop_index("ix_learnings_repository", table_name="learnings")
    op.drop_table("learnings")
    op.drop_table("journal")
    op.drop_index("ix_interventions_open", table_name="interventions")
    op.drop_table("interventions")
    op.drop_table("idempotency_keys")
    op.drop_index("ix_gates_open", table_name="gates")
    op.drop_table("gates")
    op.drop_index("ix_findings_cr", table_name="findings")
    op.drop_table("findings")
    op.drop_index("uq_events_seq", table_name="events", postgresql_where=sa.text("seq IS NOT NULL"))
    op.drop_index("ix_events_unsequenced", table_name="events", postgresql_where=sa.text("seq IS NULL"))
    op.drop_index("ix_events_cr", table_name="events")
    op.drop_table("events")
    op.drop_index("ix_effects_due", table_name="effects")
    op.drop_table("effects")
    op.drop_table("change_request_repositories")
    op.drop_table("attempts")
    op.drop_table("artifacts")
    op.drop_table("access_tokens")
    op.drop_table("settings_versions")
    op.drop_table("repositories")
    op.drop_table("principals")
    op.drop_index("checkpoints_thread_id_idx", table_name="checkpoints")
    op.drop_table("checkpoints")
    op.drop_index("checkpoint_writes_thread_id_idx", table_name="checkpoint_writes")
    op.drop_table("checkpoint_writes")
    op.drop_table("checkpoint_migrations")
    op.drop_index("checkpoint_blobs_thread_id_idx", table_name="checkpoint_blobs")
    op.drop_table("checkpoint_blobs")
    op.drop_index(
        "uq_change_requests_live_external",
        table_name="change_requests",
        postgresql_where=sa.text("status NOT IN ('completed', 'failed', 'cancelled') AND external_id IS NOT NULL"),
    )
    op.drop_index("ix_change_requests_queue", table_name="change_requests")
    op.drop_index("ix_change_requests_board", table_name="change_requests")
    op.drop_table("change_requests")
    op.drop_table("blobs")
    op.drop_table("audit_log")
    op.drop_table("tenants")
    op.execute("DROP FUNCTION changeline_fence()")
    op.execute("DROP SEQUENCE event_numbers")
