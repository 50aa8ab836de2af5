"""What the API answers reaches scripts word for word, although the command line reads it into models on the way."""

import json
from collections.abc import Mapping
from functools import partial

import pytest

from cli.client import Client, OtherVersion
from controller.learnings.schemas import LearningList
from pipeline.change_request import PauseReason
from pipeline.store.engine import Database
from tests.cli.conftest import Verb
from tests.controller import line
from tests.controller.conftest import Controller, eventually

CR = f"/api/v1/change-requests/{line.CR}"
ADDRESSES: Mapping[tuple[str, ...], str] = {
    ("show", line.CR): CR,
    ("request", line.CR): f"{CR}/request",
    ("diff", line.CR): f"{CR}/diff",
    ("cleanup", line.CR): f"{CR}/cleanup",
    ("list",): "/api/v1/change-requests?limit=20",
    ("effects", "list", "--cr", line.CR): f"/api/v1/effects?cr_id={line.CR}",
    ("learnings", "list"): "/api/v1/learnings",
    ("journal", "list"): "/api/v1/journals",
    ("repo", "list"): "/api/v1/repositories",
    ("settings", "get"): "/api/v1/settings",
    ("settings", "get", "pipeline"): "/api/v1/settings/pipeline",
    ("settings", "history", "pipeline"): "/api/v1/settings/pipeline/history",
}


async def test_json_is_what_the_api_answers_key_by_key(verb: Verb, controller: Controller, store: Database) -> None:
    await line.queued(store)
    await line.paused(store, PauseReason.REVIEW_LOOP)
    await line.worked(store)
    verb("settings", "set", "pipeline", "budget_usd=25.5", "--note", "Smaller.")
    verb("budget", line.CR, "75")
    await eventually(lambda: controller.count("events WHERE seq IS NULL") == [0])
    with controller.client() as api:

        def agrees(arguments: tuple[str, ...]) -> bool:
            return bool(verb(*arguments, "--json").out == _printed(api.get(ADDRESSES[arguments]).json()))

        for arguments in ADDRESSES:
            # An effect that is tried again may change between the two looks.
            await eventually(partial(agrees, arguments))


def test_an_answer_that_this_version_cannot_read_is_one_sentence(controller: Controller) -> None:
    with (
        Client(controller.url, controller.token) as client,
        pytest.raises(OtherVersion, match=r"answered what this version of Changeline cannot read \(items\)"),
    ):
        client.get("/api/v1/me", LearningList)


def _printed(answer: object) -> str:
    return json.dumps(answer, indent=2, ensure_ascii=False) + "\n"
