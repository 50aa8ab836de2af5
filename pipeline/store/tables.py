"""All tables, as the migrations make them (`alembic check` holds the two together).

Choice: SQLAlchemy Core tables, because the product writes upserts and conditional updates, not object graphs. Invariant:
every table but the registry of tenants carries `tenant_id`, and the migrations put row-level security with FORCE on it;
tables a worker writes also carry the fence trigger that compares its epoch with the lease.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

LIVE = text("status NOT IN ('completed', 'failed', 'cancelled') AND external_id IS NOT NULL")


def _tenant() -> "Column[Any]":
    default = text("current_setting('changeline.tenant')")
    return Column("tenant_id", Text, ForeignKey("tenants.id"), nullable=False, server_default=default)


def _cr() -> "Column[Any]":
    return Column("cr_id", Text, ForeignKey("change_requests.id"), nullable=False)


def _at(name: str) -> "Column[Any]":
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def _moment(name: str) -> "Column[Any]":
    return Column(name, DateTime(timezone=True))


def _text(name: str, default: str | None = None) -> "Column[Any]":
    server_default = None if default is None else text(f"'{default}'")
    return Column(name, Text, nullable=False, server_default=server_default)


def _json(name: str) -> "Column[Any]":
    return Column(name, JSONB, nullable=False, server_default=text("'{}'"))


def _money(name: str, *, nullable: bool = False) -> "Column[Any]":
    return Column(name, Numeric(16, 8), nullable=nullable, server_default=None if nullable else text("0"))


def _count(name: str, default: int = 0) -> "Column[Any]":
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


tenants = Table(
    "tenants", metadata,
    Column("id", Text, primary_key=True), _text("name"), _at("created_at"),
    Column("turn", BigInteger, nullable=False, server_default=text("0")),
)  # fmt: skip

principals = Table(
    "principals", metadata,
    _tenant(), Column("id", Text, primary_key=True), _text("name"), _text("kind", "user"),
    Column("roles", ARRAY(Text), nullable=False, server_default=text("'{}'")), _at("created_at"),
)  # fmt: skip

access_tokens = Table(
    "access_tokens", metadata,
    _tenant(), Column("token_hash", Text, primary_key=True),
    Column("principal_id", Text, ForeignKey("principals.id"), nullable=False), _text("purpose", "api"),
    _moment("expires_at"), _moment("used_at"), _at("created_at"),
    Column("issued_by", Text, ForeignKey("access_tokens.token_hash")),
)  # fmt: skip

repositories = Table(
    "repositories", metadata,
    _tenant(), _text("name"), _text("remote"), _text("base_branch"), _json("settings"), _at("created_at"), _at("updated_at"),
    PrimaryKeyConstraint("tenant_id", "name"), UniqueConstraint("tenant_id", "remote", "base_branch"),
)  # fmt: skip

repository_surveys = Table(
    "repository_surveys", metadata,
    _tenant(), _text("repository"), _text("manifest_hash"), _text("id"), _text("state", "running"), _text("base_commit"),
    _text("requested_by"), _at("started_at"), _at("beat_at"), _moment("finished_at"),
    Column("cancelled", Boolean, nullable=False, server_default=text("false")), _json("progress"), _text("message", ""),
    Column("record", JSONB), PrimaryKeyConstraint("tenant_id", "repository", "manifest_hash"), UniqueConstraint("tenant_id", "id"),
)  # fmt: skip
"""`id` is that of the newest run for its hash; `record` is what the last run that came to an end found."""

change_requests = Table(
    "change_requests", metadata,
    _tenant(), Column("id", Text, primary_key=True), _text("kind", "change"), _text("source", "api"),
    Column("external_id", Text), Column("external_url", Text), _text("title"), _text("body"),
    _text("status", "queued"), Column("stage", Text), Column("pause_reason", Text), _text("pause_message", ""),
    _json("pause_facts"), Column("wait_kind", Text), Column("wait_id", Text), _count("attempt", 1),
    _json("structured"), _json("settings_snapshot"), Column("cost_usd", Numeric(16, 8), nullable=False, server_default=text("0")),
    Column("created_by", Text, nullable=False), _at("created_at"), _at("updated_at"), _at("queued_at"), _moment("finished_at"),
    Column("report_url", Text),
    Index("uq_change_requests_live_external", "tenant_id", "source", "external_id", unique=True, postgresql_where=LIVE),
    Index("ix_change_requests_board", "tenant_id", "created_at", "id"),
    Index("ix_change_requests_queue", "tenant_id", "status", "queued_at"),
)  # fmt: skip

change_request_repositories = Table(
    "change_request_repositories", metadata,
    _tenant(), _cr(), _text("repository"), _json("target"), Column("base_commit", Text), Column("tests_commit", Text),
    Column("head_commit", Text), Column("merge_commit", Text), Column("branch", Text), _json("facts"), _at("updated_at"),
    PrimaryKeyConstraint("cr_id", "repository"),
)  # fmt: skip

request_revisions = Table(
    "request_revisions", metadata,
    _tenant(), _cr(), Column("revision", Integer, nullable=False), _text("origin"), _text("state"), _text("title"), _text("body"),
    _text("changed_by"), _at("created_at"), Column("decided_by", Text), _moment("decided_at"),
    PrimaryKeyConstraint("cr_id", "revision"),
)  # fmt: skip
"""Empty for a request whose text never changed."""

idempotency_keys = Table(
    "idempotency_keys", metadata,
    _tenant(), _text("key"), _text("principal_id"), _text("request_hash"), _cr(), _at("created_at"),
    PrimaryKeyConstraint("tenant_id", "principal_id", "key"),
)  # fmt: skip

attempts = Table(
    "attempts", metadata,
    _tenant(), _cr(), Column("attempt", Integer, nullable=False), _text("mode", "first"), Column("from_stage", Text),
    _text("requested_by"), _text("graph_version", ""), _text("code_version", ""), _at("started_at"), _moment("finished_at"),
    PrimaryKeyConstraint("cr_id", "attempt"),
)  # fmt: skip

leases = Table(
    "leases", metadata,
    _tenant(), Column("cr_id", Text, ForeignKey("change_requests.id"), primary_key=True),
    Column("epoch", BigInteger, nullable=False), _text("owner"), _at("acquired_at"),
)  # fmt: skip

lease_beats = Table(
    "lease_beats", metadata,
    _tenant(), Column("cr_id", Text, ForeignKey("change_requests.id"), primary_key=True),
    Column("epoch", BigInteger, nullable=False), _at("beat_at"), _moment("expires_at"), Column("working_s", Numeric(14, 3), nullable=False, server_default=text("0")),
    _text("activity", ""),
)  # fmt: skip

events = Table(
    "events", metadata,
    _tenant(), Column("id", BigInteger, primary_key=True, autoincrement=True), Column("seq", BigInteger), _cr(),
    _text("type"), _json("payload"), _at("at"),
    Index("uq_events_seq", "tenant_id", "seq", unique=True, postgresql_where=text("seq IS NOT NULL")),
    Index("ix_events_unsequenced", "tenant_id", "id", postgresql_where=text("seq IS NULL")),
    Index("ix_events_cr", "cr_id", "seq"),
)  # fmt: skip

journal = Table(
    "journal", metadata,
    _tenant(), _cr(), Column("attempt", Integer, nullable=False), _text("activation"), _text("role"), _text("instance"),
    Column("seq", Integer, nullable=False), _text("kind"), _text("body"), _at("at"),
    PrimaryKeyConstraint("cr_id", "attempt", "activation", "role", "instance", "seq"),
)  # fmt: skip

blobs = Table(
    "blobs", metadata,
    _tenant(), _text("sha256"), Column("content", LargeBinary, nullable=False), _at("created_at"),
    PrimaryKeyConstraint("tenant_id", "sha256"),
)  # fmt: skip

model_calls = Table(
    "model_calls", metadata,
    _tenant(), Column("key", Text, primary_key=True), _cr(), Column("attempt", Integer, nullable=False),
    _text("stage"), Column("repository", Text), _text("role"), _text("model"), _text("status", "reserved"),
    _money("worst_case_usd"), _money("cost_usd"), _count("input_tokens"), _count("cache_write_tokens"),
    _count("cache_read_tokens"), _count("output_tokens"),
    Column("estimated", Boolean, nullable=False, server_default=text("false")), _count("latency_ms"),
    _at("reserved_at"), _moment("settled_at"), Index("ix_model_calls_cr", "cr_id", "attempt"),
    Index("ix_model_calls_tenant_time", "tenant_id", "reserved_at"),
)  # fmt: skip

effects = Table(
    "effects", metadata,
    _tenant(), Column("id", Text, primary_key=True), _text("key"), _cr(), Column("repository", Text), _text("kind"),
    _text("status", "intended"), _json("payload"), _json("result"), _count("tries"), _at("next_try_at"), Column("claimed_by", Text),
    _moment("claimed_until"), _text("error", ""), _at("created_at"), _moment("done_at"),
    Column("number", BigInteger, nullable=False, server_default=text("nextval('effect_numbers')")), Column("lane", Text),
    Column("abandoned", Boolean, nullable=False, server_default=text("false")),
    UniqueConstraint("tenant_id", "key"), Index("ix_effects_due", "tenant_id", "status", "next_try_at"),
    Index("ix_effects_lane", "tenant_id", "lane", "number", postgresql_where=text("lane IS NOT NULL")),
)  # fmt: skip

announcement_cursors = Table(
    "announcement_cursors", metadata,
    _tenant(), Column("seq", BigInteger, nullable=False, server_default=text("0")), PrimaryKeyConstraint("tenant_id"),
)  # fmt: skip

gates = Table(
    "gates", metadata,
    _tenant(), Column("id", Text, primary_key=True), _cr(), Column("attempt", Integer, nullable=False), _text("kind"),
    _json("content"), _text("content_hash"), _text("status", "open"), Column("decision", Text), Column("decided_by", Text),
    _moment("decided_at"), _text("comment", ""), _json("answer"), _at("created_at"),
    Index("ix_gates_open", "tenant_id", "status", "created_at"),
)  # fmt: skip

interventions = Table(
    "interventions", metadata,
    _tenant(), Column("id", Text, primary_key=True), _cr(), Column("repository", Text), _text("action"), _json("body"),
    _text("actor"), _text("status", "queued"), _text("note", ""), _at("created_at"), _moment("delivered_at"),
    Column("delivered_turn", Integer), Column("delivered_role", Text), _moment("acted_at"), Column("activation", Text),
    Index("ix_interventions_open", "cr_id", "status", "created_at"),
)  # fmt: skip

spec_revisions = Table(
    "spec_revisions", metadata,
    _tenant(), _cr(), Column("attempt", Integer, nullable=False), _text("repository"), Column("revision", Integer, nullable=False),
    _text("activation"), _text("feature"), _json("spec"), _text("content_hash"),
    Column("verified", Boolean, nullable=False, server_default=text("false")), _at("created_at"),
    PrimaryKeyConstraint("cr_id", "attempt", "repository", "revision"), UniqueConstraint("cr_id", "attempt", "repository", "activation"),
)  # fmt: skip

stage_results = Table(
    "stage_results", metadata,
    _tenant(), _cr(), Column("attempt", Integer, nullable=False), _text("repository", ""), _text("stage"), _text("activation"),
    _text("inputs_hash"), Column("valid", Boolean, nullable=False, server_default=text("true")), _json("result"), _at("created_at"),
    PrimaryKeyConstraint("cr_id", "attempt", "repository", "stage", "activation"),
)  # fmt: skip

test_runs = Table(
    "test_runs", metadata,
    _tenant(), Column("id", Text, primary_key=True), _cr(), Column("attempt", Integer, nullable=False), _text("repository"),
    _text("stage"), _text("activation"), _text("purpose"), _text("commit"), Column("ok", Boolean, nullable=False),
    _json("report"), _json("verdict"), _at("created_at"), Index("ix_test_runs_cr", "cr_id", "created_at"),
)  # fmt: skip

findings = Table(
    "findings", metadata,
    _tenant(), Column("id", Text, primary_key=True), _cr(), Column("attempt", Integer, nullable=False), _text("repository"),
    _text("stage"), _text("activation"), _text("source"), _text("severity"), _text("category"), _text("message"),
    Column("file", Text), Column("line", Integer), Column("remedy", Text), _at("created_at"),
    Index("ix_findings_cr", "cr_id", "created_at"),
)  # fmt: skip

artifacts = Table(
    "artifacts", metadata,
    _tenant(), _cr(), _text("kind"), _text("name"), _text("sha256"), _text("media_type"), _json("facts"), _at("created_at"),
    PrimaryKeyConstraint("cr_id", "kind", "name"),
)  # fmt: skip

pull_requests = Table(
    "pull_requests", metadata,
    _tenant(), _cr(), Column("attempt", Integer, nullable=False), _text("repository"), _text("title"), _text("body"),
    _text("base_branch"), _text("head_branch"), _text("head_commit"), _text("status", "open"), Column("merge_commit", Text), _at("created_at"), _at("updated_at"),
    PrimaryKeyConstraint("cr_id", "attempt", "repository"),
)  # fmt: skip

settings_versions = Table(
    "settings_versions", metadata,
    _tenant(), _text("section"), Column("version", Integer, nullable=False), _json("value"), _text("changed_by"),
    _at("changed_at"), _text("note", ""), PrimaryKeyConstraint("tenant_id", "section", "version"),
)  # fmt: skip

learnings = Table(
    "learnings", metadata,
    _tenant(), Column("id", Text, primary_key=True), _text("repository"), _text("text"), _text("evidence", ""), _cr(),
    _text("status", "proposed"), Column("decided_by", Text), _moment("decided_at"), _at("created_at"),
    Index("ix_learnings_repository", "tenant_id", "repository", "status"),
)  # fmt: skip

timers = Table(
    "timers", metadata,
    _tenant(), Column("id", Text, primary_key=True), _cr(), _text("kind"), _moment("due_at"), _moment("fired_at"), _json("payload"),
    Index("ix_timers_due", "tenant_id", "due_at", postgresql_where=text("fired_at IS NULL")),
)  # fmt: skip

imported_journals = Table(
    "imported_journals", metadata,
    _tenant(), _text("id"), _text("cr_id"), _text("title"), _text("sha256"), Column("content", LargeBinary, nullable=False),
    _text("imported_by"), _at("imported_at"), PrimaryKeyConstraint("tenant_id", "id"),
)  # fmt: skip
"""Journals of other installations, as files. `cr_id` names a change request there, so it refers to nothing here."""

audit_log = Table(
    "audit_log", metadata,
    _tenant(), Column("id", BigInteger, primary_key=True, autoincrement=True), _text("actor"), _text("action"), _text("target"),
    _json("facts"), _at("at"),
)  # fmt: skip
