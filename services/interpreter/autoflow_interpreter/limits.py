"""A language model, and tools, within the limits of one execution.

Limits are checked *before* a call is made, and a call that runs into the time limit is cancelled. A call that
passes the limit on tokens or cost is finished and its answer kept, since what it will read cannot be known
before. A call that was made before the execution lost its server is not made again: its reply is known.

It does not protect against a model or a tool that ignores cancellation.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
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
    ToolSpec,
    Vector,
)
from autoflow.llm.base import failing_as
from autoflow.telemetry import ModelCall, model_call
from autoflow_interpreter.events import Outcome, Purpose
from autoflow_interpreter.journal import Journal

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Where an execution stops."""

    max_steps: int = 32
    max_calls: int = 1_000
    """Of the model."""
    max_tokens: int = 100_000
    """Read and written by all calls."""
    max_cost_usd: float = math.inf
    """By the prices of the catalogue."""
    max_seconds: float = 120.0
    """Wall time from the first step on; loading the model does not count, nor does waiting for a person or
    for a server."""


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
        spent: seconds of them that are over already.
    """

    def __init__(self, seconds: float, spent: float = 0.0) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + seconds - spent

    @property
    def left(self) -> float:
        """Seconds until it is over; never negative."""
        return max(0.0, self._deadline - self._loop.time())

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
        limits: the execution's.
        clock: the execution's.
        journal: the execution's.
        purpose: what the calls are for.
    """

    def __init__(
        self,
        model: LanguageModel,
        adapter: str | None,
        limits: Limits,
        clock: Clock,
        journal: Journal,
        purpose: Purpose = Purpose.ANSWER,
    ) -> None:
        self._model = model
        self._adapter = adapter
        self._limits = limits
        self._clock = clock
        self._journal = journal
        self._purpose = purpose

    def to(self, purpose: Purpose) -> BoundedModel:
        """The same model, on the same account, called for something else."""
        return BoundedModel(self._model, self._adapter, self._limits, self._clock, self._journal, purpose)

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do besides chatting."""
        return self._model.capabilities

    async def complete(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        constraint: Constraint | None = None,
        tools: Sequence[ToolSpec] = (),
    ) -> str:
        """Draws a text; where the model calls one of the tools instead, that call's arguments.

        Each call of an execution draws with a seed of its own.

        Raises:
            Stopped: a limit was reached.
            LanguageModelError: as `LanguageModel.complete`, without PromptTooLong.
        """
        digest = self._journal.digest(self._purpose, messages)
        if known := self._journal.made(digest):
            return known.reply
        seeded = replace(sampling, seed=_call_seed(sampling.seed, digest))
        with failing_as(self._model.name), model_call(self._model.name, call := ModelCall()):
            completion = await self._call(
                digest,
                lambda: self._model.complete(
                    messages, seeded, constraint=constraint, tools=tools, adapter=self._adapter
                ),
            )
            call.usage = completion.usage
        reply = completion.tool_calls[0].arguments if completion.tool_calls else completion.text
        self._journal.called(self._purpose, digest, reply, None, completion.usage)
        return reply

    async def choose(self, messages: Sequence[Message], options: Sequence[str]) -> int:
        """Picks one of the options; errors as `complete`."""
        digest = self._journal.digest(self._purpose, messages, options)
        if (known := self._journal.made(digest)) and known.choice is not None:
            return known.choice
        with failing_as(self._model.name), model_call(self._model.name, call := ModelCall()):
            index, usage = await self._call(
                digest, lambda: self._model.choose(messages, options, adapter=self._adapter)
            )
            call.usage = usage
        self._journal.called(self._purpose, digest, options[index], index, usage)
        return index

    async def embed(self, embedder: Embedder, texts: Sequence[str]) -> tuple[Vector, ...]:
        """The vectors of texts, by another model on this one's account; errors as `complete`.

        Vectors are not written down: an execution that lost its server asks for them again.
        """
        digest = self._journal.digest(self._purpose, (), texts)
        with failing_as(embedder.name), model_call(embedder.name, call := ModelCall()):
            vectors, usage = await self._call(digest, lambda: embedder.embed(texts))
            call.usage = usage
        self._journal.called(self._purpose, digest, "", None, usage)
        return vectors

    async def _call(self, digest: bytes, call: Callable[[], Awaitable[_T]]) -> _T:
        self._check()
        self._journal.calling(digest)
        await self._journal.settled()
        try:
            return await self._clock.within(call)
        except PromptTooLong as error:
            raise Stopped(Outcome.TOKEN_LIMIT, f"the model's context is full: {error}") from error

    def _check(self) -> None:
        used, limits = self._journal.usage, self._limits
        if self._journal.begun >= limits.max_calls:
            raise Stopped(Outcome.CALL_LIMIT, f"{self._journal.begun} calls of the model were made")
        if used.tokens >= limits.max_tokens:
            raise Stopped(Outcome.TOKEN_LIMIT, f"{used.tokens} of {limits.max_tokens} tokens are used")
        if used.cost_usd >= limits.max_cost_usd:
            raise Stopped(
                Outcome.COST_LIMIT, f"{used.cost_usd:.6g} of {limits.max_cost_usd:g} US dollars are spent"
            )


def _call_seed(seed: int, digest: bytes) -> int:
    """A seed in [0, 2^63), of what is asked: calls that are under way together have no order."""
    said = hashlib.blake2b(f"{seed}/".encode() + digest, digest_size=8).digest()
    return int.from_bytes(said) >> 1
