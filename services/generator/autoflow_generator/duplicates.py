"""Marks candidates that are the same workflow as an earlier one, by the digest of their canonical text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autoflow.language import check
from autoflow_generator.candidates import Candidate


class Duplicates:
    """The workflows that one request has seen.

    Only valid candidates count: a workflow that was cut off is not what the model meant to write, and must
    not make one that was written in full look like a repetition.

    Args:
        attempts: texts that were written before, in order.
    """

    def __init__(self, attempts: Iterable[str] = ()) -> None:
        read = [check(text) for text in attempts]
        self._attempts = {
            checked.workflow.digest: place
            for place, checked in enumerate(read)
            if checked.ok and checked.workflow is not None
        }
        self._candidates: dict[str, int] = {}

    def marked(self, candidate: Candidate) -> Candidate:
        """The candidate, with what it repeats; call it in the order in which candidates are handed on."""
        workflow = candidate.checked.workflow
        if not candidate.valid or workflow is None:
            return candidate
        first = self._candidates.setdefault(workflow.digest, candidate.index)
        return replace(
            candidate,
            duplicate_of=None if first == candidate.index else first,
            repeats_attempt=self._attempts.get(workflow.digest),
        )
