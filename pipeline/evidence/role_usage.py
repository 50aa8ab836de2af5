"""What each agent role used: calls, tokens and money, summed from the ledger, with the prompt it worked by."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from pipeline.evidence.bundle import RoleRecord

_TOKENS = ("input_tokens", "cache_write_tokens", "cache_read_tokens", "output_tokens")


def roles(calls: Sequence[Mapping[str, Any]], prompts: Sequence[Mapping[str, Any]]) -> tuple[RoleRecord, ...]:
    """Return one record per role, by role name, with the newest prompt it worked by."""
    hashes = {str(prompt["role"]): str(prompt["opened"].get("prompt_hash", "")) for prompt in prompts}
    by_role: dict[str, list[Mapping[str, Any]]] = {}
    for call in calls:
        by_role.setdefault(str(call["role"]), []).append(call)
    return tuple(_record(role, used, hashes.get(role, "")) for role, used in sorted(by_role.items()))


def _record(role: str, calls: Sequence[Mapping[str, Any]], prompt_hash: str) -> RoleRecord:
    tokens = {name: sum(int(call[name]) for call in calls) for name in _TOKENS}
    return RoleRecord(
        role=role,
        prompt_sha256=prompt_hash,
        models=tuple(sorted({str(call["model"]) for call in calls})),
        calls=len(calls),
        cost_usd=str(sum((Decimal(call["cost_usd"]) for call in calls), Decimal(0))),
        estimated=any(call["estimated"] for call in calls),
        **tokens,
    )
