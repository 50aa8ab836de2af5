"""How a stage ended, as the state tells it: per repository or for the whole change request, as the stage declares."""

from pipeline.change_request import Stage
from pipeline.stage.known import KnownOutcome, outcome_of, run_of
from pipeline.stage.registry import per_repository
from pipeline.stage.state import RunState, outcome_key


def outcomes_of(state: RunState, stage: Stage) -> dict[str, KnownOutcome]:
    """Return the outcomes of a stage by repository ('' for a stage of the whole change request)."""
    known = run_of(state)
    if per_repository(stage):
        keys = {name: outcome_key(stage, name) for name in known.repositories}
    else:
        keys = {"": stage.value}
    return {name: outcome_of(known.outcomes[key]) for name, key in keys.items() if key in known.outcomes}
