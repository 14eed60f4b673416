"""Several completions of one prompt, each handed on as soon as it is drawn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import replace

from autoflow.llm.base import Completion, Constraint, LanguageModel, Message, Sampling, Usage, failing_as
from autoflow.telemetry import ModelCall, model_call

_CANCEL_SECONDS = 5.0

_Drawn = tuple[int, tuple[Completion, ...]]


async def draw(
    model: LanguageModel,
    messages: Sequence[Message],
    sampling: Sampling,
    count: int,
    *,
    constraint: Constraint | None = None,
    adapter: str | None = None,
) -> AsyncGenerator[tuple[int, Completion], None]:
    """Draws completions of one prompt, all at once.

    One failed call fails the whole and cancels the rest, and so does closing the generator.

    Args:
        model: who draws. Where one call may draw several (`capabilities.max_n`), calls do.
        messages: as in `LanguageModel.complete`.
        sampling: of completion 0; completion i draws with `seed + i`, or with the seed of its call's first.
        count: how many, 1 or more.
        constraint: as in `LanguageModel.complete`.
        adapter: as in `LanguageModel.complete`.

    Yields:
        The completion's index and the completion, in the order in which they are finished.

    Raises:
        LanguageModelError: a call failed.
    """
    size = model.capabilities.max_n

    async def call(first: int) -> _Drawn:
        seeded = replace(sampling, seed=sampling.seed + first)
        n = min(size, count - first)
        with failing_as(model.name), model_call(model.name, cost := ModelCall()):
            drawn: tuple[Completion, ...]
            if n == 1:
                drawn = (await model.complete(messages, seeded, constraint=constraint, adapter=adapter),)
            else:
                drawn = await model.complete_n(messages, seeded, n, constraint=constraint, adapter=adapter)
            cost.usage = sum((completion.usage for completion in drawn), Usage())
        return first, drawn

    tasks = [asyncio.create_task(call(first)) for first in range(0, count, size)]
    try:
        for finished in asyncio.as_completed(tasks):
            first, completions = await finished
            for index, completion in enumerate(completions, first):
                yield index, completion
    finally:
        await _cancel(tasks)


async def _cancel(tasks: Sequence[asyncio.Task[_Drawn]]) -> None:
    for task in tasks:
        task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(_CANCEL_SECONDS):
            # Gathered, so that a second failure is retrieved and not logged as forgotten.
            await asyncio.gather(*tasks, return_exceptions=True)
