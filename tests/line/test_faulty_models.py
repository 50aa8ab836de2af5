"""A model endpoint that fails, however it does: retries, then a pause that says what happened, then on as if nothing was."""

from collections import Counter

import psycopg
import pytest
from starlette.types import ASGIApp

from pipeline.change_request import PauseReason, Stage, Status
from tests.line import scenarios
from tests.line.faults import answering, hanging, hanging_mid_stream, when_entering
from tests.line.harness import LineRun
from tests.line.savepoints import BEFORE_DEVELOPMENT, begins_at
from tests.line.scenarios import bash, create, part, submit_code, submit_review, submit_tests, turn
from tests.line.test_going_on import ORDINARY

OVERLOADED = b'{"type": "error", "error": {"type": "overloaded_error", "message": "Too many."}}'
FAULTS: dict[str, tuple[ASGIApp, str]] = {
    "hanging": (hanging, "connection to the model broke"),
    "hanging mid-stream": (hanging_mid_stream, "connection to the model broke"),
    "429": (answering(429, OVERLOADED), "answered 429"),
    "429 that wants an hour": (answering(429, OVERLOADED, retry_after="3600"), "answered 429"),
    "500": (answering(500, b"oops"), "answered 500"),
    "529": (answering(529, OVERLOADED), "answered 529"),
    "401": (answering(401, b"{}"), "CHANGELINE_ANTHROPIC__API_KEY"),
    "403": (answering(403, b"{}"), "CHANGELINE_ANTHROPIC__API_KEY"),
    "a web page": (answering(200, b"<html>", content_type="text/html"), "ended before its message was complete"),
    "not JSON": (
        answering(200, b"data: {oops\n\n", content_type="text/event-stream"),
        "ended before its message was complete",
    ),
}


async def start(line: LineRun, *parts: scenarios.Part) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario(*parts))
    line.settings = line.settings.model_copy(
        update={"anthropic": line.settings.anthropic.model_copy(update={"stall_timeout_s": 0.2})}
    )
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)


def reserved(line: LineRun) -> int:
    """Return how many calls hold money that nobody will settle."""
    with psycopg.connect(line.database.superuser_url) as connection:
        found = connection.execute("SELECT count(*) FROM model_calls WHERE status = 'reserved'").fetchone()
    assert found is not None
    return int(found[0])


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_endpoint_that_stays_broken_pauses_with_what_happened_and_a_person_goes_on(
    line: LineRun, fault: str
) -> None:
    patient = line.settings
    await start(line, scenarios.part("request_parser", scenarios.turn(scenarios.submit_request({}))))
    line.model.disturbance, words = FAULTS[fault]
    cr = await line.work()
    # A busy machine is no endpoint that hangs.
    line.model.disturbance, line.settings = None, patient
    assert (cr.status, cr.pause_reason, cr.stage) == (Status.PAUSED, PauseReason.PROVIDERS_DOWN, Stage.INTAKE)
    assert words in cr.pause_message
    assert reserved(line) == 0
    await line.resume()
    cr = await line.work()
    assert cr.pause_reason is PauseReason.REQUEST_UNCLEAR, "intake went on and stops for its own reason"
    assert line.asked_roles() == ["request_parser"]


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_an_endpoint_that_is_gone_in_the_middle_of_a_run_costs_nothing_that_was_done(line: LineRun) -> None:

    def break_it() -> None:
        line.model.disturbance = answering(500, b"oops")

    cr = await line.work(when_entering(Stage.DEVELOPMENT, break_it))
    line.model.disturbance = None
    assert (cr.pause_reason, cr.stage) == (PauseReason.PROVIDERS_DOWN, Stage.DEVELOPMENT)
    await line.resume()
    await line.to_the_gate()
    await line.decide_and_finish()
    assert Counter(line.asked_roles()) == ORDINARY
    assert reserved(line) == 0


BREAKS = {
    "request_parser": "truncate", "input_screener": "drop", "requirements_analyst": "malformed", "spec_writer": "garbage_input",
    "completeness_checker": "truncate", "code_writer": "drop", "quality_reviewer": "malformed", "spec_reviewer": "garbage_input",
}  # fmt: skip
"""How the stream of each role breaks, every way in a first and in a later stage."""


async def test_a_stream_that_breaks_once_is_asked_again_and_settled(line: LineRun) -> None:
    broken = [
        {**one, "turns": [{**turn, "fault": {"stream": BREAKS[one["role"]]}} for turn in one["turns"]]}
        for one in scenarios.DEFAULTS
        if one["role"] in BREAKS
    ]
    await start(line, *broken)
    await line.to_the_gate()
    again = Counter({role: ORDINARY[role] for role in BREAKS})
    assert Counter(line.asked_roles()) == ORDINARY - Counter(retrospective=1) + again
    assert reserved(line) == 0


ODD = "\0 \ufffe \x1b[31m"


@pytest.mark.thorough
@begins_at(BEFORE_DEVELOPMENT)
async def test_texts_that_no_database_holds_are_kept_readable_and_stop_nothing(line: LineRun) -> None:
    prints = scenarios.TESTS + "    print('\\0 \\x1b[31m')\n    assert calc.__name__ == 'calc', '\\0'\n"
    line.plays(
        part("test_writer", turn(create(scenarios.TEST_FILE, prints), text=ODD), turn(submit_tests())),
        part(
            "code_writer",
            turn(bash(f"echo {ODD}"), text=ODD),
            turn(bash("printf 'a\\0b\\377'"), create(f"a{ODD}", "x")),
            turn(create("calc.py", scenarios.CODE), text=f"{ODD}\n{ODD}"),
            turn(submit_code(), text=ODD),
        ),
        part("security_reviewer", turn(bash("cat calc.py"), text=ODD), turn(submit_review(), text=ODD)),
    )
    cr = await line.to_the_end()
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message, cr.pause_facts)
