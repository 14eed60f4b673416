"""Draws candidates of a workflow, all at once, and makes each a valid one as far as the request wants it.

One failed call fails the request and cancels the rest. Left out: keeping what was drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from autoflow.admission import Admission
from autoflow.llm.catalogue import Catalogue
from autoflow.llm.descriptions import ModelDescription
from autoflow_generator.candidates import Candidate, Started
from autoflow_generator.chats import design_chat, refinement_chats
from autoflow_generator.duplicates import Duplicates
from autoflow_generator.requests import GenerationRequest, RefinementRequest
from autoflow_generator.scope import StepScope
from autoflow_generator.writing import Writer


class WorkflowGenerator:
    """The generator service without its wire.

    Args:
        catalogue: where models come from.
        admission: bounds the requests that are under way.
    """

    def __init__(self, catalogue: Catalogue, admission: Admission) -> None:
        self._catalogue = catalogue
        self._admission = admission

    @property
    def models(self) -> tuple[ModelDescription, ...]:
        """The models that a request may name, by name."""
        return self._catalogue.descriptions

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Started | Candidate, None]:
        """Yields `Started` with the first draw, then every candidate as it is finished.

        Closing the generator cancels all calls in flight.

        Raises:
            ResourceExhausted: too many requests are under way.
            LanguageModelError: the model is unknown, or a call of it failed.
        """
        with self._admission.enter():
            writer = await self._writer(request)
            writing = writer.write([design_chat(request, writer.guidance)], Duplicates())
            async with aclosing(writing) as events:
                async for event in events:
                    yield event

    async def refine(self, request: RefinementRequest) -> AsyncGenerator[Started | Candidate, None]:
        """As `generate`, for successors of workflows.

        Raises:
            ResourceExhausted: too many requests are under way.
            InvalidArgument: the newest attempt has no such step as is to change.
            LanguageModelError: the model is unknown, or a call of it failed; PromptTooLong: not even the
                newest attempt alone fits its context.
        """
        with self._admission.enter():
            writer = await self._writer(request.drawing)
            scope = StepScope.of(request.change, request.attempts[-1])
            chats = refinement_chats(request, writer.guidance, plain=writer.plain)
            # In a thread, for attempts may be many and large.
            seen = await asyncio.to_thread(Duplicates, [attempt.text for attempt in request.attempts])
            async with aclosing(writer.write(chats, seen, scope)) as events:
                async for event in events:
                    yield event

    async def _writer(self, request: GenerationRequest) -> Writer:
        model = await self._catalogue.get(request.model)
        description = self._catalogue.description(request.model)
        return Writer(model, description, request)
