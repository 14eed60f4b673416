"""Draws candidates of a workflow, all at once, and says of each whether it could be executed.

Each candidate is a call of its own, and is handed on as soon as it is drawn: a provider merges what is in
flight, and a slow candidate holds none back. A text is never mended, cut or drawn again: what comes out is
what the model wrote, since a learner needs the likelihood of exactly that.

One failed call fails the request and cancels the rest. Left out: refinement, and keeping what was drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from autoflow import prompts
from autoflow.admission import Admission
from autoflow.language import Checked, check, decoding_grammar
from autoflow.llm import Completion, FinishReason, LanguageModel, Message, Sampling
from autoflow.llm.catalogue import Catalogue
from autoflow.suites import Tool

_CANCEL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """Who writes, what for, and how many."""

    model: str
    """A name of the catalogue."""
    adapter: str | None
    goal: str
    tools: tuple[Tool, ...]
    count: int
    sampling: Sampling
    """Of candidate 0; candidate i draws with `seed + i`."""
    max_steps: int
    """Of a workflow, under the grammar."""


@dataclass(frozen=True, slots=True)
class Started:
    """What all candidates have in common."""

    prompt_token_ids: tuple[int, ...]
    """Empty where the provider does not tell."""
    grammar: str
    """Empty where none masked the draw."""
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A drawn workflow."""

    index: int
    completion: Completion
    checked: Checked

    @property
    def valid(self) -> bool:
        """Whether the text is complete, parses and lints without errors.

        A text that the token limit cut off may parse by luck; it is not what the model meant to write.
        """
        return self.completion.finish_reason is FinishReason.STOP and self.checked.ok


class WorkflowGenerator:
    """The generator service without its wire.

    Args:
        catalogue: where models come from.
        admission: bounds the requests that are under way.
    """

    def __init__(self, catalogue: Catalogue, admission: Admission) -> None:
        self._catalogue = catalogue
        self._admission = admission

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Started | Candidate, None]:
        """Yields `Started` with the first candidate that is drawn, then every candidate as it is drawn.

        Closing the generator cancels all calls in flight.

        Raises:
            ResourceExhausted: too many requests are under way.
            LanguageModelError: the model is unknown, or a call of it failed.
        """
        with self._admission.enter():
            model = await self._catalogue.get(request.model)
            grammar = decoding_grammar(request.max_steps) if model.supports_grammar else None
            messages = prompts.design(request.goal, request.tools, request.max_steps)
            tasks = [
                asyncio.create_task(_draw(index, request, model, messages, grammar))
                for index in range(request.count)
            ]
            try:
                announced = False
                for drawn in asyncio.as_completed(tasks):
                    index, completion = await drawn
                    if not announced:
                        yield Started(completion.prompt_token_ids, grammar or "", prompts.VERSION)
                        announced = True
                    yield Candidate(index, completion, check(completion.text))
            finally:
                await _cancel(tasks)


async def _draw(
    index: int,
    request: GenerationRequest,
    model: LanguageModel,
    messages: Sequence[Message],
    grammar: str | None,
) -> tuple[int, Completion]:
    sampling = replace(request.sampling, seed=request.sampling.seed + index)
    return index, await model.complete(messages, sampling, grammar=grammar, adapter=request.adapter)


async def _cancel(tasks: Sequence[asyncio.Task[tuple[int, Completion]]]) -> None:
    for task in tasks:
        task.cancel()
    with suppress(TimeoutError):
        async with asyncio.timeout(_CANCEL_SECONDS):
            # Gathered, so that a second failure is retrieved and not logged as forgotten.
            await asyncio.gather(*tasks, return_exceptions=True)
