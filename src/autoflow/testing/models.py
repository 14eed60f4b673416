"""Models that are functions."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from autoflow.llm.base import (
    Capabilities,
    Completion,
    Constraint,
    FinishReason,
    Message,
    ModelUnavailable,
    Sampling,
    ToolSpec,
    Usage,
    Vector,
)
from autoflow.llm.demands import demand

Script: TypeAlias = Callable[[Sequence[Message]], str | Awaitable[str]]
"""What the model says to a chat; may wait, and may raise what a model raises."""
Choice: TypeAlias = Callable[[Sequence[Message], Sequence[str]], int]
"""Which of the options the model picks."""


@dataclass(frozen=True, slots=True)
class ScriptedCall:
    """One call of a `ScriptedModel`."""

    messages: tuple[Message, ...]
    sampling: Sampling | None = None
    """None for a choice."""
    options: tuple[str, ...] = ()
    """Empty for a completion."""
    constraint: Constraint | None = None
    adapter: str | None = None
    tools: tuple[ToolSpec, ...] = ()


class ScriptedEmbedder:
    """An `Embedder` whose vectors come from a function. A token is a word.

    Args:
        script: the vector of a text.

    Attributes:
        calls: the texts of every call, in order.
        closed: whether it was closed.
    """

    def __init__(self, script: Callable[[str], Vector]) -> None:
        self._script = script
        self.calls: list[tuple[str, ...]] = []
        self.closed = False

    @property
    def name(self) -> str:
        """What traces call it."""
        return "scripted-embedder"

    @property
    def alive(self) -> bool:
        """Whether it was not closed."""
        return not self.closed

    async def embed(self, texts: Sequence[str]) -> tuple[tuple[Vector, ...], Usage]:
        """Gives what the function gives."""
        self.calls.append(tuple(texts))
        return tuple(map(self._script, texts)), Usage(1, sum(len(text.split()) for text in texts))

    async def close(self) -> None:
        """Notes that it was closed."""
        self.closed = True


class ScriptedModel:
    """A `LanguageModel` whose words come from a function. A token is a word.

    It does not enforce a constraint; it only notes which one it was given.

    Args:
        script: what it says.
        choose: which option it picks; without it the model cannot choose.
        name: its name in a catalogue.
        capabilities: what it says of itself; the capability `choice` follows from `choose`.

    Attributes:
        calls: every call, in order.
        closed: whether it was closed.
    """

    def __init__(
        self,
        script: Script,
        *,
        choose: Choice | None = None,
        name: str = "scripted",
        capabilities: Capabilities | None = None,
    ) -> None:
        self._script = script
        self._choose = choose
        self._name = name
        self._capabilities = replace(capabilities or Capabilities(adapters=True), choice=choose is not None)
        self.calls: list[ScriptedCall] = []
        self.closed = False

    @property
    def name(self) -> str:
        """Its name in the catalogue."""
        return self._name

    @property
    def alive(self) -> bool:
        """Whether it was not closed."""
        return not self.closed

    @property
    def capabilities(self) -> Capabilities:
        """What it was told to say, and whether it was given a function that chooses."""
        return self._capabilities

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        *,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
        adapter: str | None = None,
    ) -> Completion:
        """Says what the script says, cut off at the token limit.

        Raises:
            ModelUnavailable: it was closed.
            Unsupported: as any model.
        """
        demand(
            self._name,
            self._capabilities,
            messages,
            sampling,
            constraint=constraint,
            tools=tools,
            adapter=adapter,
        )
        self._note(
            ScriptedCall(
                tuple(messages), sampling, constraint=constraint, adapter=adapter, tools=tuple(tools)
            )
        )
        said = self._script(messages)
        text = await said if inspect.isawaitable(said) else said
        words = text.split(" ")
        cut_off = len(words) > sampling.max_tokens
        if cut_off:
            words = words[: sampling.max_tokens]
        return Completion(
            text=" ".join(words),
            finish_reason=FinishReason.LENGTH if cut_off else FinishReason.STOP,
            usage=Usage(1, _words(messages), len(words)),
        )

    async def complete_n(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        n: int,
        *,
        constraint: Constraint | None = None,
        adapter: str | None = None,
    ) -> tuple[Completion, ...]:
        """Asks the script so many times; each is noted as a call of its own.

        Raises:
            ModelUnavailable: it was closed.
            Unsupported: as any model.
        """
        demand(
            self._name,
            self._capabilities,
            messages,
            sampling,
            constraint=constraint,
            adapter=adapter,
            n=n,
        )
        return tuple(
            [
                await self.complete(messages, sampling, constraint=constraint, adapter=adapter)
                for _ in range(n)
            ]
        )

    async def choose(
        self, messages: Sequence[Message], options: Sequence[str], *, adapter: str | None = None
    ) -> tuple[int, Usage]:
        """Picks what the function picks.

        Raises:
            ModelUnavailable: it was closed.
            NotImplementedError: it was given no function that chooses.
        """
        self._note(ScriptedCall(tuple(messages), options=tuple(options), adapter=adapter))
        if self._choose is None:
            raise NotImplementedError("this model cannot choose, and says so in its capabilities")
        return self._choose(messages, options), Usage(1, _words(messages), 1)

    async def close(self) -> None:
        """Notes that it was closed."""
        self.closed = True

    def _note(self, call: ScriptedCall) -> None:
        if self.closed:
            raise ModelUnavailable("the model is closed")
        self.calls.append(call)


def _words(messages: Sequence[Message]) -> int:
    return sum(len(message.content.split()) for message in messages)
