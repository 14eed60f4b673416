"""A request for a run, and what is wrong with it.

The shape of a request (required fields, ranges, patterns) is checked before it comes here; this module checks
what needs knowledge: the language, and which settings go together. Whether there is such a suite is for
`autoflow_trainer.library`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from autoflow.errors import InvalidArgument
from autoflow.language import Diagnostic, Severity, check
from autoflow.methods import Method

_MAX_ERRORS = 5
"""So many errors of a workflow are told."""


@dataclass(frozen=True, slots=True)
class NamedWorkflow:
    """A workflow that is to be measured."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class OptimizationRequest:
    """An optimisation that somebody asks for."""

    spec: bytes
    """All of it, opaque; equal requests have equal bytes."""
    suite: str
    """Its id."""
    method: Method
    candidates: int
    """An iteration; 0 means the method's own."""
    generator_adapter: str
    """Empty means the model's own weights."""
    comparators: tuple[NamedWorkflow, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """An evaluation that somebody asks for."""

    spec: bytes
    """All of it, opaque; equal requests have equal bytes."""
    suite: str
    """Its id."""
    workflows: tuple[NamedWorkflow, ...]


RunRequest: TypeAlias = OptimizationRequest | EvaluationRequest


def validate(request: RunRequest) -> None:
    """Refuses a request that no worker could serve.

    Raises:
        InvalidArgument: a field is wrong; the error names it.
    """
    if isinstance(request, EvaluationRequest):
        _validate_workflows(request.workflows, "run.evaluation.workflows")
    else:
        _validate_optimization(request)


def _validate_optimization(request: OptimizationRequest) -> None:
    if request.generator_adapter:
        raise InvalidArgument(
            "run.optimization.generator.adapter",
            "the run trains an adapter of its own from the model's own weights",
            fix="leave the adapter out",
        )
    _validate_candidates(request.method, request.candidates)
    _validate_workflows(request.comparators, "run.optimization.test.comparators")


def _validate_candidates(method: Method, candidates: int) -> None:
    field = "run.optimization.candidates"
    if method is Method.REINFORCE and candidates > 1:
        raise InvalidArgument(
            field,
            f"`reinforce` has one candidate an iteration, not {candidates}",
            fix="leave it out, or take the method `rloo`",
        )
    if method is Method.RLOO and candidates == 1:
        raise InvalidArgument(
            field,
            "`rloo` compares each candidate with the others and needs at least two",
            fix="leave it out, or take the method `reinforce`",
        )


def _validate_workflows(workflows: Sequence[NamedWorkflow], place: str) -> None:
    names: set[str] = set()
    for index, workflow in enumerate(workflows):
        field = f"{place}[{index}]"
        if workflow.name in names:
            raise InvalidArgument(f"{field}.name", f"{workflow.name!r} is the name of another one, too")
        names.add(workflow.name)
        errors = [found for found in check(workflow.source).diagnostics if found.severity is Severity.ERROR]
        if errors:
            raise InvalidArgument(
                f"{field}.workflow.source",
                f"{workflow.name!r} cannot be executed: {'; '.join(map(_in_words, errors[:_MAX_ERRORS]))}",
                fix=errors[0].fix,
            )


def _in_words(found: Diagnostic) -> str:
    place = f"line {found.line}: " if found.line else ""
    return f"{place}{found.message} ({found.code})"
