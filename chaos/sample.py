"""The work that is disturbed: the bench's tiny change request, with a model that thinks for a moment.

A moment per answer gives a kill a call in flight to hit; one submission that does not fit its schema makes the journal
note it, so that every kind of entry is written.
"""

import json
from pathlib import Path

from bench import sample

TITLE = sample.TITLE
BODY = sample.BODY
THINKS_MS = 60
_UNFIT = {"text": "Done.", "tools": [{"name": "submit_code", "input": {"summary": "Numbers can be doubled."}}]}


def repository(path: Path) -> Path:
    """Make a repository with one commit on `main`; all of them hold the same tree."""
    return sample.repository(path)


def scenario() -> str:
    """Return what the scripted model answers."""
    told = json.loads(sample.scenario())
    for script in told["scripts"]:
        if script["role"] == "code_writer":
            script["turns"].insert(1, _UNFIT)
    return json.dumps({**told, "name": "chaos", "model_delay_ms": THINKS_MS})
