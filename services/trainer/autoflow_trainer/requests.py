"""A request for a run, and what is wrong with it.

The shape of a request (required fields, ranges, patterns) is checked before it comes here; this module checks
what needs knowledge: suites, the language, and which settings go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autoflow.errors import InvalidArgument, NotFound
from autoflow.language import Diagnostic, Severity, check
from autoflow.methods import Method
from autoflow.suites import suite_names

_MAX_ERRORS = 5
"""So many errors of a workflow are told."""


@dataclass(frozen=True, slots=True)
class Comparator:
    """A workflow that the winner is compared with."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class OptimizationRequest:
    """An optimisation that somebody asks for."""

    spec: bytes
    """All of it, opaque; equal requests have equal bytes."""
    suite: str
    method: Method
    candidates: int
    """An iteration; 0 means the method's own."""
    generator_adapter: str
    """Empty means the model's own weights."""
    comparators: tuple[Comparator, ...] = ()


def validate(request: OptimizationRequest) -> None:
    """Refuses a request that no worker could serve.

    Raises:
        NotFound: the suite is unknown.
        InvalidArgument: a field is wrong; the error names it.
    """
    if request.suite not in suite_names():
        known = ", ".join(sorted(suite_names()))
        raise NotFound(f"no suite is named {request.suite!r}; there are: {known}")
    if request.generator_adapter:
        raise InvalidArgument(
            "run.optimization.generator.adapter",
            "the run trains an adapter of its own from the model's own weights",
            fix="leave the adapter out",
        )
    _validate_candidates(request.method, request.candidates)
    _validate_comparators(request.comparators)


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


def _validate_comparators(comparators: Sequence[Comparator]) -> None:
    names: set[str] = set()
    for index, comparator in enumerate(comparators):
        field = f"run.optimization.test.comparators[{index}]"
        if comparator.name in names:
            raise InvalidArgument(f"{field}.name", f"{comparator.name!r} is the name of another one, too")
        names.add(comparator.name)
        errors = [found for found in check(comparator.source).diagnostics if found.severity is Severity.ERROR]
        if errors:
            raise InvalidArgument(
                f"{field}.workflow.source",
                f"{comparator.name!r} cannot be executed: {'; '.join(map(_in_words, errors[:_MAX_ERRORS]))}",
                fix=errors[0].fix,
            )


def _in_words(found: Diagnostic) -> str:
    place = f"line {found.line}: " if found.line else ""
    return f"{place}{found.message} ({found.code})"
