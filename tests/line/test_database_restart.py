"""PostgreSQL goes away and comes back in the middle of a change request: the worker goes on under its lease."""

from collections import Counter
from collections.abc import Iterator

import pytest

from pipeline.change_request import Stage, Status
from tests.database import TestDatabase, TestServer, server
from tests.line import scenarios
from tests.line.faults import when_entering
from tests.line.harness import LineRun
from tests.line.test_going_on import ORDINARY
from worker.wiring import Hands


@pytest.fixture(scope="module")
def restarted() -> Iterator[TestServer]:
    """A server of this module's own, because others would feel its restarts."""
    with server() as running:
        yield running


@pytest.fixture
def database(restarted: TestServer) -> Iterator[TestDatabase]:
    created = restarted.create("restarted", template="template_changeline")
    yield created
    restarted.drop(created.name)


@pytest.mark.thorough
async def test_a_restart_of_the_database_is_waited_out_in_place(line: LineRun, restarted: TestServer) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    restarts = 0

    def restart() -> None:
        nonlocal restarts
        restarts += 1
        restarted.restart()

    def prepare(run: LineRun, held: Hands) -> Hands:
        for stage in (Stage.TRANSLATION, Stage.DEVELOPMENT, Stage.DELIVERY):
            held = when_entering(stage, restart)(run, held)
        return held

    await line.work(prepare)
    assert (line.epoch, restarts) == (1, 3), "the same worker went on"
    await line.decide_and_finish()
    assert Counter(line.asked_roles()) == ORDINARY


@pytest.mark.thorough
async def test_restarts_while_every_answer_is_written_down_buy_nothing_twice(
    line: LineRun, restarted: TestServer
) -> None:
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    restarts = 0

    def prepare(_line: LineRun, held: Hands) -> Hands:
        provider = held.context.agents.gateway.providers["anthropic"]  # type: ignore[attr-defined]  # the crew's own
        ask = provider.ask

        async def answer_then_restart(*given: object) -> object:
            nonlocal restarts
            answered = await ask(*given)
            if len(line.asked()) in {1, 3, 9}:
                restarts += 1
                restarted.restart()
            return answered

        provider.ask = answer_then_restart
        return held

    await line.work(prepare)
    await line.decide_and_finish()
    assert restarts >= 2
    assert Counter(line.asked_roles()) == ORDINARY


@pytest.mark.thorough
async def test_a_database_that_goes_away_as_a_call_is_reserved_is_no_silent_provider(
    line: LineRun, restarted: TestServer
) -> None:
    """In the first turn of a conversation and in a later one: nothing was asked, so nothing is said of the provider."""
    line.repository(scenarios.FILES)
    line.model.play(scenarios.scenario())
    await line.submit(title=scenarios.TITLE, body=scenarios.BODY)
    reserved = Counter[str]()
    away = {("input_screener", 1), ("test_writer", 2), ("quality_reviewer", 1), ("retrospective", 1)}

    def prepare(_line: LineRun, held: Hands) -> Hands:
        ledger = held.context.agents.gateway.ledger  # type: ignore[attr-defined]  # the crew's own
        reserve = ledger.reserve

        async def restart_then_reserve(**given: object) -> object:
            role = str(given["role"])
            reserved[role] += 1
            if (role, reserved[role]) not in away:
                return await reserve(**given)
            restarted.go_away()
            try:
                return await reserve(**given)
            finally:
                restarted.serve()

        ledger.reserve = restart_then_reserve
        return held

    cr = await line.work(prepare)
    assert cr.pause_reason is None, (cr.pause_reason, cr.pause_message)
    await line.approve()
    cr = await line.work(prepare)
    assert cr.status is Status.COMPLETED, (cr.pause_reason, cr.pause_message)
    assert Counter(line.asked_roles()) == ORDINARY
