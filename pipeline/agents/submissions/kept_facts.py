"""The facts of a submission as the journal keeps them: the same facts give the same bytes."""

import json
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from pipeline.agents.submissions.fields import SubmissionFacts

_FACTS: TypeAdapter[SubmissionFacts] = TypeAdapter(SubmissionFacts)


def facts_json(facts: SubmissionFacts) -> str:
    """Return facts as JSON."""
    return json.dumps(asdict(facts), sort_keys=True, ensure_ascii=False, default=_sorted)


def facts_from(content: bytes) -> SubmissionFacts:
    """Return what `facts_json` wrote."""
    return _FACTS.validate_json(content)


def _sorted(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return dict(value)
