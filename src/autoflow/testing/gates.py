"""A language model that answers when the test says so, and a catalogue of models that are there already."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from autoflow.llm.base import Capabilities, Embedder, LanguageModel, Message
from autoflow.llm.catalogue import Catalogue, Entry, Loader
from autoflow.llm.descriptions import ModelDescription, Prices
from autoflow.testing.models import ScriptedModel

_PATIENCE = 30.0


class GatedModel(ScriptedModel):
    """A `ScriptedModel` whose calls wait until the test lets them through: it decides their order.

    Calls are numbered from 0 in the order in which they come.

    Args:
        script: what it says.
        name: its name in a catalogue.

    Attributes:
        cancelled: how many calls were cancelled while they waited.
    """

    def __init__(self, script: Callable[[Sequence[Message]], str], *, name: str = "gated") -> None:
        super().__init__(self._answer, name=name)
        self._words = script
        self._gates: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)
        self._changed = asyncio.Condition()
        self.cancelled = 0

    def let_through(self, call: int) -> None:
        """Lets one call go on, be it there or still to come."""
        self._gates[call].set()

    async def until(self, *, calls: int = 0, cancelled: int = 0) -> None:
        """Returns when so many calls have come, and so many were cancelled, in all.

        Raises:
            TimeoutError: it did not happen within 30 seconds.
        """
        async with asyncio.timeout(_PATIENCE), self._changed:
            await self._changed.wait_for(lambda: len(self.calls) >= calls and self.cancelled >= cancelled)

    async def _answer(self, messages: Sequence[Message]) -> str:
        gate = self._gates[len(self.calls) - 1]
        await self._notify()
        try:
            await gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            await self._notify()
            raise
        return self._words(messages)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()


def catalogue_of(
    *models: LanguageModel,
    embedder: Embedder | None = None,
    context_tokens: int = 0,
    prices: Prices | None = None,
) -> Catalogue:
    """A catalogue of models that are there already, each under its own name.

    Args:
        models: which.
        embedder: makes embeddings for all of them; None: nothing does.
        context_tokens: what it states of each; 0: nothing.
        prices: what it states of each; None: nothing.
    """

    def entry(model: LanguageModel) -> Entry:
        async def load() -> LanguageModel:
            return model

        described = ModelDescription(model.name, "testing", model.capabilities, context_tokens, prices)
        return Entry(described, load)

    async def load_embedder() -> Embedder:
        assert embedder is not None
        return embedder

    return Catalogue(map(entry, models), embedder=load_embedder if embedder else None)


def entry_of(name: str, load: Loader, capabilities: Capabilities | None = None) -> Entry:
    """A catalogue's entry of a test's model."""
    return Entry(ModelDescription(name, "testing", capabilities or Capabilities()), load)
