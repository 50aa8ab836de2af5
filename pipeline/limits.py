"""Loops, money and time: every limit once, with its unit in its name.

The defaults are those of the functional specification (sections 5.2, 6.6 and 13.2). A change request carries a frozen
copy in its settings snapshot, so that a later change of settings never moves a running one.
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """What one change request may use before it pauses and asks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verification_loops_max: int = Field(2, ge=0, le=10)
    """How often verification may send specs back to translation."""
    review_loops_max: int = Field(3, ge=0, le=10)
    """How often review may send code back to development."""
    ci_loops_max: int = Field(3, ge=0, le=10)
    development_iterations_max: int = Field(5, ge=1, le=20)
    """Red or green witness failures that the pipeline hands back to a writer within one development stage."""
    neutral_calls: bool = True
    """Whether the tests of a change are also called without their runner, where they have such a form."""
    mutants_max: int = Field(3, ge=0, le=100)
    """Small wrong versions of a change that its tests are tried on, as far as `mutants_time_pct` goes; 0 tries none."""
    mutants_time_pct: int = Field(10, ge=0, le=10_000)
    """Time for mutants, in percent of what the other runs on the head took; one is tried in any case."""
    mutation_score_min: int = Field(0, ge=0, le=100)
    """In percent of those tried. A change whose tests notice less pauses; 0 only shows it."""
    identical_failures_max: int = Field(3, ge=1, le=20)
    """The same failing tests this often in a row pause instead of burning money."""
    submission_retries_max: int = Field(3, ge=1, le=10)
    """Invalid submissions of one role before the stage pauses."""
    turns_max: int = Field(120, ge=1, le=1000)
    """Model turns of one agent."""
    output_tokens_max: int = Field(16_384, ge=256, le=128_000)
    """Per model call."""
    static_context_tokens_max: int = Field(12_000, ge=1_000, le=100_000)
    compaction_tokens: int = Field(80_000, ge=4_000, le=900_000)
    """Input tokens of a conversation at which it is compacted."""
    budget_usd: Decimal = Field(Decimal("50.00"), gt=0, le=10_000)
    """Per change request, over all repositories and attempts of one attempt number."""
    budget_alert_pct: int = Field(80, ge=1, le=100)
    call_budget_usd: Decimal = Field(Decimal("10.00"), gt=0)
    """Worst case of one model call."""
    agent_timeout_s: int = Field(1_800, ge=1)
    """Leased working time of one agent; once retried, then a pause."""
    working_time_max_s: int = Field(14_400, ge=1)
    """Leased working time of the whole change request, waits excluded."""
    command_timeout_s: int = Field(120, ge=1)
    """One tool command of an agent."""
    test_timeout_s: int = Field(1_800, ge=1)
    """One test run of the pipeline."""
    command_output_max_bytes: int = Field(50_000, ge=1_000)
    file_read_max_bytes: int = Field(100_000, ge=1_000)
    diff_max_bytes: int = Field(60_000, ge=1_000)
    """Of a diff that enters a prompt; what is cut is said."""
    request_max_bytes: int = Field(100_000, ge=1_000)
    """Of the text of a change request."""
    added_file_max_bytes: int = Field(1_000_000, ge=1_000)
    """A single file of the change; larger ones are refused by the secret scan and size check."""
    snapshot_interval_s: int = Field(60, ge=1, le=86_400)
    """How often, beside the ends of stages, snapshots of the work go to the remote."""
    snapshot_file_max_bytes: int = Field(5_000_000, ge=1_000)
    """A file of a snapshot; a snapshot with a larger one stays on the machine."""
    snapshot_total_max_bytes: int = Field(50_000_000, ge=1_000)
    """What one snapshot adds or changes; a larger one stays on the machine."""
