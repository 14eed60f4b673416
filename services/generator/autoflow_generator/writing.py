"""Draws the candidates of one request.

Each candidate is a call of its own, and is handed on as soon as it is finished: a provider merges what is in
flight, and a slow candidate holds none back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from autoflow import prompts
from autoflow.language import decoding_grammar, lark_grammar
from autoflow.llm import Completion, Constraint, Grammar, LanguageModel, Message, PromptTooLong, Usage
from autoflow.llm.descriptions import ModelDescription
from autoflow.llm.draws import draw
from autoflow_generator.candidates import Candidate, Started
from autoflow_generator.chats import Chat, is_plain
from autoflow_generator.duplicates import Duplicates
from autoflow_generator.finishing import as_finished
from autoflow_generator.fitting import Fitting
from autoflow_generator.guidance import Guidance
from autoflow_generator.mending import Mender
from autoflow_generator.naming import grammar_of_names, grammar_with, read_names
from autoflow_generator.requests import GenerationRequest, StepNaming
from autoflow_generator.scope import StepScope

_Drawn = tuple[int, Completion]


@dataclass(frozen=True, slots=True)
class _Drawing:
    """The draws from one prompt, the first of which is there."""

    chat: Chat
    grammar: Grammar | None
    drawn: AsyncGenerator[_Drawn, None]
    first: _Drawn


class Writer:
    """Writes for one request.

    Args:
        model: who writes.
        description: what is stated about it.
        request: what is wanted.
    """

    def __init__(
        self, model: LanguageModel, description: ModelDescription, request: GenerationRequest
    ) -> None:
        self._model = model
        self._description = description
        self._request = request
        self._sampling = replace(request.sampling, log_probs=model.capabilities.log_probs)
        self._spent = Usage()
        """What all candidates have cost together, apart from their draws."""
        self.guidance = Guidance.best(model.capabilities, request.mending)
        self.plain = is_plain(description)

    async def write(
        self, chats: Sequence[Chat], seen: Duplicates, scope: StepScope | None = None
    ) -> AsyncGenerator[Started | Candidate, None]:
        """Yields `Started` with the first draw, then every candidate as it is finished.

        Args:
            chats: prompts, the fullest first; the first one that leaves room for an answer is asked.
            seen: the workflows that were there before.
            scope: what alone may change; None: everything.

        Raises:
            LanguageModelError: a call failed; PromptTooLong: not even the last prompt fits.
        """
        fitting = Fitting(self._model, self._description, self._sampling, self._request.adapter)
        fitted = chats[await fitting.fullest(chats) :]
        self._spent = fitting.usage
        drawing = await self._drawing(fitted, scope)
        async with aclosing(drawing.drawn):
            yield Started(
                drawing.first[1].prompt_token_ids,
                "" if drawing.grammar is None else drawing.grammar.ebnf,
                prompts.VERSION,
                self.guidance,
                drawing.chat.attempts_left_out,
            )
            mender = self._mender(drawing, scope)
            finishing = as_finished(_chain(drawing), lambda each: mender.finish(*each))
            async with aclosing(finishing) as finished:
                async for candidate in finished:
                    candidate = replace(candidate, usage=candidate.usage + self._spent)
                    self._spent = Usage()
                    yield seen.marked(candidate)

    async def _drawing(self, chats: Sequence[Chat], scope: StepScope | None) -> _Drawing:
        """Draws from the first prompt that fits."""
        *others, last = chats
        for chat in others:
            try:
                return await self._begun(chat, scope)
            except PromptTooLong:
                continue
        return await self._begun(last, scope)

    async def _begun(self, chat: Chat, scope: StepScope | None) -> _Drawing:
        if self.guidance is not Guidance.GRAMMAR:
            grammar = None
        elif scope is not None:
            # In a thread: every way on from the step is linted.
            grammar = await asyncio.to_thread(lambda: scope.grammar)
        elif self._request.naming is StepNaming.FREE:
            chat, grammar = await self._named(chat)
        else:
            steps = self._request.max_steps
            grammar = Grammar(ebnf=decoding_grammar(steps), lark=lark_grammar(steps))
        constraint, sampling = self.guidance.constraint(grammar), self._request.sampling
        drawn = self._draws(chat.messages, constraint, sampling.seed, self._request.count)
        return _Drawing(chat, grammar, drawn, await anext(drawn))

    async def _named(self, chat: Chat) -> tuple[Chat, Grammar]:
        """Asks for the names of the steps: the chat that goes on from there, and its grammar."""
        steps = self._request.max_steps
        asked = prompts.step_names(chat.messages, steps)
        drawn = self._draws(asked, grammar_of_names(steps), self._request.sampling.seed, 1)
        async with aclosing(drawn):
            _, answer = await anext(drawn)
        self._spent += answer.usage
        names = read_names(answer.text)
        # A model of few words is asked for the workflow as ever: the grammar has the names.
        messages = chat.messages if self.plain else prompts.steps_named(asked, names)
        return replace(chat, messages=messages), grammar_with(names)

    def _draws(
        self, messages: Sequence[Message], constraint: Constraint | None, seed: int, count: int
    ) -> AsyncGenerator[_Drawn, None]:
        sampling = replace(self._sampling, seed=seed)
        adapter = self._request.adapter
        return draw(self._model, messages, sampling, count, constraint=constraint, adapter=adapter)

    def _mender(self, drawing: _Drawing, scope: StepScope | None) -> Mender:
        request = self._request
        constraint = self.guidance.constraint(drawing.grammar)

        async def again(index: int, correction: int, messages: Sequence[Message]) -> Completion:
            # A seed that no first draw of the request has, and no other correction.
            seed = request.sampling.seed + index + correction * request.count
            async with aclosing(self._draws(messages, constraint, seed, 1)) as drawn:
                return (await anext(drawn))[1]

        return Mender(
            drawing.chat.messages,
            self.guidance,
            request.mending,
            request.max_corrections,
            plain=self.plain,
            objection=None if scope is None else scope.objection,
            redraw=again,
        )


async def _chain(drawing: _Drawing) -> AsyncGenerator[_Drawn, None]:
    yield drawing.first
    async for each in drawing.drawn:
        yield each
