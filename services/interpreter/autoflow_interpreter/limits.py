"""A language model, and tools, within the limits of one execution.

Limits are checked *before* a call is made, and a call that runs into the time limit is cancelled. A call that
passes the limit on tokens is finished and its answer kept, since what it will read cannot be known before.

It does not protect against a model or a tool that ignores cancellation.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from autoflow.llm import (
    Capabilities,
    Constraint,
    Embedder,
    LanguageModel,
    Message,
    PromptTooLong,
    Sampling,
    Usage,
    Vector,
)
from autoflow.telemetry import ModelCall, model_call
from autoflow_interpreter.events import Outcome

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an execution stops."""

    max_steps: int = 32
    max_tokens: int = 100_000
    """Read and written by all calls."""
    max_seconds: float = 120.0
    """Wall time from the first step on; loading the model does not count."""


class Stopped(Exception):
    """The execution ends here by its own doing: an outcome, not an error."""

    def __init__(self, outcome: Outcome, detail: str) -> None:
        super().__init__(detail)
        self.outcome = outcome
        self.detail = detail


class Clock:
    """The time of one execution; it runs from the start.

    Args:
        seconds: when it is over.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + seconds

    async def within(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Does a piece of work, which is cancelled when the time is over.

        Raises:
            Stopped: the time is over.
        """
        if self._loop.time() >= self._deadline:
            raise self._over()
        try:
            # Around the work alone: a timeout around the caller's `yield` would cancel the consumer instead.
            async with asyncio.timeout_at(self._deadline) as timeout:
                return await work()
        except TimeoutError:
            if timeout.expired():
                raise self._over() from None
            raise

    def _over(self) -> Stopped:
        return Stopped(Outcome.TIME_LIMIT, f"{self._seconds:g} seconds are over")


class BoundedModel:
    """Calls a model for one execution, keeps account, and stops at the limits.

    Args:
        model: what is called.
        adapter: passed on with each call.
        max_tokens: read and written by all calls.
        clock: the execution's.
    """

    def __init__(self, model: LanguageModel, adapter: str | None, max_tokens: int, clock: Clock) -> None:
        self._model = model
        self._adapter = adapter
        self._max_tokens = max_tokens
        self._clock = clock
        self.usage = Usage()
        """What the calls cost so far."""

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do besides chatting."""
        return self._model.capabilities

    async def complete(
        self, messages: Sequence[Message], sampling: Sampling, constraint: Constraint | None = None
    ) -> str:
        """Draws a text. Each call of an execution draws with a seed of its own.

        Raises:
            Stopped: a limit was reached.
            LanguageModelError: as `LanguageModel.complete`, without PromptTooLong.
        """
        seeded = replace(sampling, seed=_call_seed(sampling.seed, self.usage.calls))
        with model_call(self._model.name, call := ModelCall()):
            completion = await self._call(
                lambda: self._model.complete(messages, seeded, constraint=constraint, adapter=self._adapter)
            )
            call.usage = completion.usage
        self.usage += completion.usage
        return completion.text

    async def choose(self, messages: Sequence[Message], options: Sequence[str]) -> int:
        """Picks one of the options; errors as `complete`."""
        with model_call(self._model.name, call := ModelCall()):
            index, usage = await self._call(
                lambda: self._model.choose(messages, options, adapter=self._adapter)
            )
            call.usage = usage
        self.usage += usage
        return index

    async def embed(self, embedder: Embedder, texts: Sequence[str]) -> tuple[Vector, ...]:
        """The vectors of texts, by another model on this one's account; errors as `complete`."""
        with model_call(embedder.name, call := ModelCall()):
            vectors, usage = await self._call(lambda: embedder.embed(texts))
            call.usage = usage
        self.usage += usage
        return vectors

    async def _call(self, call: Callable[[], Awaitable[_T]]) -> _T:
        if self.usage.tokens >= self._max_tokens:
            raise Stopped(Outcome.TOKEN_LIMIT, f"{self.usage.tokens} of {self._max_tokens} tokens are used")
        try:
            return await self._clock.within(call)
        except PromptTooLong as error:
            raise Stopped(Outcome.TOKEN_LIMIT, f"the model's context is full: {error}") from error


def _call_seed(seed: int, call: int) -> int:
    """A seed in [0, 2^63). With `seed + call`, executions of neighbouring seeds would share draws."""
    digest = hashlib.blake2b(f"{seed}/{call}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1
