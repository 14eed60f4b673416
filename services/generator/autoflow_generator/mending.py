"""Makes a candidate of a draw: reads the text, repairs it, and has the model correct what is left.

1. A text that is complete, parses and lints without errors stays as it is, to the letter.
2. What is complete and can be mended without guessing is, and each change is told.
3. What is left is shown to the model with its findings, in a chat that goes on from the prompt, so often as
   the request allows. What it writes then is read and repaired the same way.

A text that the token limit cut off is never valid and never repaired, since nobody knows how it was to go on;
the model may be asked for a shorter one. What a provider's filter withheld is not asked for again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from autoflow import prompts
from autoflow.language import Checked, Diagnostic, Severity, Workflow, repair
from autoflow.llm import Completion, FinishReason, Message, PromptTooLong
from autoflow_generator.candidates import Candidate, Draft
from autoflow_generator.guidance import Guidance, read
from autoflow_generator.requests import Mending

Redraw = Callable[[int, int, Sequence[Message]], Awaitable[Completion]]
"""Asks the model again: for the candidate of an index, the how-many-th correction from 1, with what chat."""
Objection = Callable[[Workflow], Diagnostic | None]
"""What speaks against a workflow although it is sound; None: nothing does."""

_MOST_FINDINGS = 12
"""That a model is shown at once."""


@dataclass(frozen=True, slots=True)
class _Read:
    source: str
    checked: Checked
    valid: bool
    changes: tuple[Diagnostic, ...] = ()


class Mender:
    """Makes candidates of the draws of one prompt.

    Args:
        prompt: what the model was asked.
        guidance: what it draws under.
        mending: what is done about a text that is no valid workflow.
        max_corrections: how often at most the model is asked again, for one candidate.
        plain: whether the model is told what the embedded model knows, and no more.
        redraw: asks the model again.
        objection: what a workflow must pass besides being sound; None: nothing.
    """

    def __init__(
        self,
        prompt: Sequence[Message],
        guidance: Guidance,
        mending: Mending,
        max_corrections: int,
        *,
        plain: bool,
        redraw: Redraw,
        objection: Objection | None,
    ) -> None:
        self._prompt = prompt
        self._guidance = guidance
        self._repairs = mending is not Mending.NONE
        self._corrections = max_corrections if mending is Mending.CORRECT else 0
        self._plain = plain
        self._objection = objection
        self._redraw = redraw

    async def finish(self, index: int, completion: Completion) -> Candidate:
        """Makes a candidate of its first draw.

        Raises:
            LanguageModelError: a call for a correction failed.
        """
        drafts: list[Draft] = []
        found = self._read(completion)
        while not found.valid and len(drafts) < self._corrections and _may_be_asked_again(completion):
            drafts.append(Draft(completion, found.checked.diagnostics))
            corrected = await self._corrected(index, drafts)
            if corrected is None:
                drafts.pop()
                break
            completion = corrected
            found = self._read(completion)
        return Candidate(
            index=index,
            completion=completion,
            source=found.source,
            checked=found.checked,
            valid=found.valid,
            changes=found.changes,
            drafts=tuple(drafts),
            usage=sum((draft.completion.usage for draft in drafts), completion.usage),
        )

    def _read(self, completion: Completion) -> _Read:
        reading = read(completion.text, self._guidance)
        source, checked = reading.source, reading.checked
        complete = completion.finish_reason is FinishReason.STOP
        changes: tuple[Diagnostic, ...] = ()
        if complete and self._repairs and not self._is_beyond_doubt(completion, checked):
            repaired = repair(completion.text)
            mended = repaired.workflow
            if mended is not None and not (checked.ok and _same(mended, checked.workflow)):
                source, checked = repaired.text, Checked(mended, repaired.diagnostics)
                changes = repaired.changes
        if self._objection is not None and checked.ok and checked.workflow is not None:
            against = self._objection(checked.workflow)
            if against is not None:
                checked = Checked(checked.workflow, (*checked.diagnostics, against))
        return _Read(source, checked, complete and checked.ok, changes)

    def _is_beyond_doubt(self, completion: Completion, checked: Checked) -> bool:
        """Whether a text can only be read as it was: around the steps of others may stand further ones."""
        if not checked.ok or checked.workflow is None:
            return False
        return self._guidance is Guidance.JSON_SCHEMA or checked.workflow.text == completion.text

    async def _corrected(self, index: int, drafts: Sequence[Draft]) -> Completion | None:
        """Asks for a correction; None where not even the last draft fits the model's context."""
        turns = [self._turns(draft) for draft in drafts]
        for first in sorted({0, len(turns) - 1}):
            chat = [*self._prompt, *(message for turn in turns[first:] for message in turn)]
            try:
                return await self._redraw(index, len(drafts), chat)
            except PromptTooLong:
                continue
        return None

    def _turns(self, draft: Draft) -> list[Message]:
        text = draft.completion.text
        errors = [found for found in draft.diagnostics if found.severity is Severity.ERROR][:_MOST_FINDINGS]
        if draft.completion.finish_reason is FinishReason.LENGTH:
            # Whatever else is wrong follows from that.
            errors, told = [], [prompts.CUT_OFF]
        else:
            as_json = self._guidance is Guidance.JSON_SCHEMA
            told = [
                prompts.finding(found.line, found.code, found.message, found.fix, as_json=as_json)
                for found in errors
            ]
        if self._plain:
            return prompts.revision(text, prompts.error_verdict(errors[0].message if errors else told[0]))
        return prompts.correction(text, told)


def _same(one: Workflow, other: Workflow | None) -> bool:
    return other is not None and one.digest == other.digest


def _may_be_asked_again(completion: Completion) -> bool:
    return completion.finish_reason is not FinishReason.CONTENT_FILTER
