"""Draws candidates of a workflow, all at once, and says of each whether it could be executed.

Each candidate is a call of its own, and is handed on as soon as it is drawn: a provider merges what is in
flight, and a slow candidate holds none back. A text is never mended, cut or drawn again: what comes out is
what the model wrote, since a learner needs the likelihood of exactly that.

One failed call fails the request and cancels the rest. Left out: refinement, and keeping what was drawn.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace

from autoflow import prompts
from autoflow.admission import Admission
from autoflow.language import Checked, check, decoding_grammar, lark_grammar
from autoflow.llm import Completion, FinishReason, Grammar, Sampling
from autoflow.llm.catalogue import Catalogue
from autoflow.llm.descriptions import ModelDescription
from autoflow.llm.draws import draw
from autoflow.suites import Tool


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

    @property
    def models(self) -> tuple[ModelDescription, ...]:
        """The models that a request may name, by name."""
        return self._catalogue.descriptions

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[Started | Candidate, None]:
        """Yields `Started` with the first candidate that is drawn, then every candidate as it is drawn.

        Closing the generator cancels all calls in flight.

        Raises:
            ResourceExhausted: too many requests are under way.
            LanguageModelError: the model is unknown, or a call of it failed.
        """
        with self._admission.enter():
            model = await self._catalogue.get(request.model)
            can = model.capabilities
            grammar = _grammar(request.max_steps) if can.grammar else None
            drawing = draw(
                model,
                prompts.design(request.goal, request.tools, request.max_steps),
                replace(request.sampling, log_probs=can.log_probs),
                request.count,
                constraint=grammar,
                adapter=request.adapter,
            )
            announced = False
            async with aclosing(drawing) as drawn:
                async for index, completion in drawn:
                    if not announced:
                        ebnf = "" if grammar is None else grammar.ebnf
                        yield Started(completion.prompt_token_ids, ebnf, prompts.VERSION)
                        announced = True
                    yield Candidate(index, completion, check(completion.text))


def _grammar(max_steps: int) -> Grammar:
    return Grammar(ebnf=decoding_grammar(max_steps), lark=lark_grammar(max_steps))
