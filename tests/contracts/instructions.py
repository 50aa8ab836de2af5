"""What every `Instructions` must do; a test module binds it by `instructions` and a coroutine function `say(id, text)`."""

from collections.abc import Awaitable, Callable

from pipeline.ports import Instructions

Say = Callable[[str, str], Awaitable[None]]


class InstructionsContract:
    """Delivered once, lost never."""

    async def test_an_instruction_is_delivered_to_the_turn_that_takes_it_and_not_to_later_ones(
        self, instructions: Instructions, say: Say
    ) -> None:
        await say("i1", "Use English.")

        first = await instructions.take(repository="app", role="code_writer", turn=3)

        assert [(one.intervention_id, one.text) for one in first] == [("i1", "Use English.")]
        assert list(await instructions.take(repository="app", role="code_writer", turn=4)) == []

    async def test_asking_again_for_the_same_turn_returns_the_same_instructions(
        self, instructions: Instructions, say: Say
    ) -> None:
        await say("i1", "Use English.")
        first = list(await instructions.take(repository="app", role="code_writer", turn=3))
        await say("i2", "And be brief.")

        again = list(await instructions.take(repository="app", role="code_writer", turn=3))

        assert again[: len(first)] == first
        assert [one.intervention_id for one in again] == ["i1", "i2"]
