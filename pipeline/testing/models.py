"""A model provider that plays what a test wants to see."""

import asyncio

from pipeline.agents.tool_use import texts_of
from pipeline.ports import DeltaListener, ModelAnswer, ModelRequest, Usage, UsageListener


class PlayedProvider:
    """A `ModelProvider` that plays a list of outcomes: a usage is reported, an event is set before it hangs for ever."""

    def __init__(self, *outcomes: ModelAnswer | Exception | Usage | asyncio.Event, name: str = "one") -> None:
        self.name = name
        self.outcomes = list(outcomes)
        self.requests: list[ModelRequest] = []
        self.closed = False

    async def ask(
        self, request: ModelRequest, on_text: DeltaListener | None = None, on_usage: UsageListener | None = None
    ) -> ModelAnswer:
        """See `ModelProvider.ask`."""
        self.requests.append(request)
        while True:
            match self.outcomes.pop(0):
                case Usage() as usage:
                    if on_usage is not None:
                        on_usage(usage)
                case asyncio.Event() as hanging:
                    hanging.set()
                    await asyncio.Event().wait()
                case Exception() as error:
                    raise error
                case ModelAnswer() as answer:
                    for text in texts_of(answer.content):
                        if on_text is not None:
                            on_text(text)
                    return answer

    async def aclose(self) -> None:
        """See `ModelProvider.aclose`."""
        self.closed = True
