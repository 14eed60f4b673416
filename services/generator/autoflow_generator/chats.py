"""The chats in which workflows are written and refined.

A refinement goes on from the chat of a generation: every attempt follows with how it did. Where all of that
does not fit the model's context, `shorter` says what is left out, step by step: the oldest attempts, then
most failures of the newest one, then the rest of them. The newest attempt itself always stays.

A model with a small context is told in the words that the embedded model was trained on. Where it draws under
a grammar, it is not told either which part is to change: the grammar keeps it to a step, told or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoflow import prompts
from autoflow.llm import Message
from autoflow.llm.descriptions import ModelDescription
from autoflow_generator.guidance import Guidance
from autoflow_generator.requests import Attempt, Change, GenerationRequest, RefinementRequest, StepNaming

_LEAST_CONTEXT = 4096
"""Tokens; a model of fewer is told in plain words alone."""
_FEW_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Chat:
    """A prompt, and what was left out of it."""

    messages: Sequence[Message]
    attempts_left_out: int = 0


def is_plain(model: ModelDescription) -> bool:
    """Whether a model is told no more than the embedded model knows: its context holds little else."""
    return 0 < model.context_tokens < _LEAST_CONTEXT


def design_chat(request: GenerationRequest, guidance: Guidance) -> Chat:
    """The chat that asks for a workflow."""
    return Chat(
        prompts.design(
            request.goal,
            request.tools,
            request.max_steps,
            named=request.naming is StepNaming.FREE,
            as_json=guidance is Guidance.JSON_SCHEMA,
        )
    )


def refinement_chats(request: RefinementRequest, guidance: Guidance, *, plain: bool) -> list[Chat]:
    """The chats that ask for a successor, the fullest first, each shorter than the one before.

    Args:
        request: what came before.
        guidance: what the model draws under.
        plain: see `is_plain`.
    """
    opening = design_chat(request.drawing, guidance).messages
    attempts = request.attempts
    chats = []
    for left_out, failures in _shorter(attempts):
        kept = [_turns(attempt, len(attempt.failures), plain=plain) for attempt in attempts[left_out:-1]]
        kept.append(_turns(attempts[-1], failures, plain=plain))
        messages = [*opening, *(message for turns in kept for message in turns)]
        if not (plain and guidance is Guidance.GRAMMAR):
            messages = _with_change(messages, request.change)
        chats.append(Chat(messages, left_out))
    return chats


def _shorter(attempts: Sequence[Attempt]) -> list[tuple[int, int]]:
    """How many of the oldest attempts are left out, and how many failures of the newest are told."""
    last, all_failures = len(attempts) - 1, len(attempts[-1].failures)
    fewer = [most for most in (_FEW_FAILURES, 0) if most < all_failures]
    return [*((left_out, all_failures) for left_out in range(last + 1)), *((last, most) for most in fewer)]


def _turns(attempt: Attempt, failures: int, *, plain: bool) -> list[Message]:
    told = prompts.plain_failure if plain else prompts.told_failure
    findings = [told(failure) for failure in attempt.failures[:failures]]
    verdict = attempt.verdict
    if isinstance(verdict, str):
        if not findings:
            return prompts.revision(attempt.text, prompts.error_verdict(verdict))
        return prompts.reflection(attempt.text, 0.0, [verdict, *findings])
    if findings:
        return prompts.reflection(attempt.text, verdict, findings)
    return prompts.revision(attempt.text, prompts.score_verdict(verdict))


def _with_change(messages: list[Message], change: Change | None) -> list[Message]:
    if change is None:
        return messages
    if change.step is None:
        return prompts.structure_to_change(messages)
    return prompts.step_to_change(messages, change.step)
