"""What each agent role used: calls, tokens and money, summed from the ledger, with the prompt it worked by."""

from collections.abc import Sequence
from decimal import Decimal

from pipeline.evidence.bundle import RoleRecord
from pipeline.records import ModelCall, PromptUse


def roles(calls: Sequence[ModelCall], prompts: Sequence[PromptUse]) -> tuple[RoleRecord, ...]:
    """Return one record per role, by role name, with the newest prompt it worked by."""
    hashes = {prompt.role: prompt.prompt_hash for prompt in prompts}
    by_role: dict[str, list[ModelCall]] = {}
    for call in calls:
        by_role.setdefault(call.role, []).append(call)
    return tuple(_record(role, used, hashes.get(role, "")) for role, used in sorted(by_role.items()))


def _record(role: str, calls: Sequence[ModelCall], prompt_hash: str) -> RoleRecord:
    return RoleRecord(
        role=role,
        prompt_sha256=prompt_hash,
        models=tuple(sorted({call.model for call in calls})),
        calls=len(calls),
        cost_usd=str(sum((call.cost_usd for call in calls), Decimal(0))),
        estimated=any(call.estimated for call in calls),
        input_tokens=sum(call.input_tokens for call in calls),
        cache_write_tokens=sum(call.cache_write_tokens for call in calls),
        cache_read_tokens=sum(call.cache_read_tokens for call in calls),
        output_tokens=sum(call.output_tokens for call in calls),
    )
