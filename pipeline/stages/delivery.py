"""Delivery, strategy `self_contained`: the pipeline's own full suite is the check; the branch is pushed, a pull request kept.

Refs move only by effects, executed by the controller as compare-and-swap. A last gate stands here too: a head whose full
suite was not proven green on its base is never pushed.
"""

import hashlib
from collections.abc import Sequence
from typing import Any

from pipeline.change_request import PauseReason, Stage, branch_name
from pipeline.coding import signing_off
from pipeline.concurrency.together import together
from pipeline.effects.effect import Effect
from pipeline.effects.kinds import EffectKind, ProposePullRequest, Published, Push
from pipeline.errors import InvariantBroken
from pipeline.evidence import presentation
from pipeline.stage import effect_outcomes
from pipeline.stage.declaration import NeverSkipped, SendsBack, StageDeclaration
from pipeline.stage.known import KnownRepository
from pipeline.stage.run import StageEnd, StageRun
from pipeline.stage.state import Verdict


def inputs(run: StageRun) -> list[Any]:
    """The heads."""
    return [[name, facts.head, facts.base] for name, facts in run.known.items()]


async def delivery(run: StageRun) -> StageEnd:
    """Push every repository's branch and open its pull request; stops whole if one cannot."""
    names = list(run.known)
    for name in names:
        _require_proof(run, name)
    unsigned = [
        name for name, facts in run.known.items() if await signing_off.lacking(run, name, facts.base, facts.head)
    ]
    if unsigned:
        # Nothing between there and here has anything to do, until the rebase signs them off.
        return StageEnd(verdict=Verdict.SENT_BACK, summary=f"commits of {', '.join(unsigned)} are to be signed off")
    stops = await together(_deliver(run, name) for name in names)
    stop = next((one for one in stops if one is not None), None)
    branch = branch_name(run.context.cr_id, run.context.attempt)
    return stop or StageEnd(summary=f"{branch} pushed for {', '.join(names)}")


def _require_proof(run: StageRun, name: str) -> None:
    facts = run.known[name]
    if facts.tested_base != facts.base or not facts.head:
        raise InvariantBroken("A head without a green full suite reached delivery.", repository=name)


async def _deliver(run: StageRun, name: str) -> StageEnd | None:
    facts, target = run.known[name], run.context.targets[name]
    branch = branch_name(run.context.cr_id, run.context.attempt)
    repository = run.context.repositories[name]
    ref = f"refs/heads/{branch}"
    key = f"push/{run.context.cr_id}/{run.context.attempt}/{name}/{facts.head}"
    effects = [one for one in await run.context.effects.all() if one.repository == name]
    effect = next((one for one in effects if one.key == key), None)
    if effect is None:
        # What a crash left behind was intended from where the branch stood then, so only a new intent looks again.
        expected = _ours(facts, effects, await repository.remote_ref(ref))
        payload = Push(remote=target.remote, ref=ref, commit=facts.head, expected=expected)
        effect = await run.context.effects.intend(key=key, repository=name, payload=payload)
    stop = await effect_outcomes.for_effect(run, effect, refused=PauseReason.DELIVERY_FAILED)
    return stop or await _propose(run, name, branch)


async def _propose(run: StageRun, name: str, branch: str) -> StageEnd | None:
    """Let the forge open the pull request or bring its text up to date; another text is another intent."""
    title, body = await presentation.pull_request(run, name)
    target = run.context.targets[name]
    payload = ProposePullRequest(
        remote=target.remote, attempt=run.context.attempt, title=title, body=body, base_branch=target.base_branch,
        head_branch=branch, head_commit=run.known[name].head,
    )  # fmt: skip
    text = hashlib.sha256(payload.model_dump_json().encode()).hexdigest()[:16]
    key = f"pull_request/{run.context.cr_id}/{run.context.attempt}/{name}/{text}"
    effect = await run.context.effects.intend(key=key, repository=name, payload=payload)
    return await effect_outcomes.for_effect(run, effect, refused=PauseReason.DELIVERY_FAILED)


def _ours(facts: KnownRepository, effects: Sequence[Effect], found: str | None) -> str | None:
    """The branch may only be where this change request, or the person it was handed to, put it; anything else is not ours."""
    pushed = {effect.payload.commit for effect in effects if isinstance(effect.payload, Push)}
    published = {effect.result.commit for effect in effects if isinstance(effect.result, Published)}
    return found if found in {*pushed, *published, facts.handed_back} else None


DECLARATION = StageDeclaration(
    body=delivery,
    inputs=inputs,
    label="Delivery",
    explanation="pushes the branch and keeps the pull request",
    skip=NeverSkipped("nothing can be released that was not pushed"),
    sends_back=SendsBack(
        to=Stage.DEVELOPMENT,
        paused_as=PauseReason.CI_FAILED,
        at_most=lambda limits: limits.ci_loops_max,
    ),
    may_be_taken_over=True,
    effects=(EffectKind.PUSH, EffectKind.PULL_REQUEST),
    pauses_as=(PauseReason.DELIVERY_FAILED,),
)
