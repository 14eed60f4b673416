"""A request for a run, and what is wrong with it.

The shape of a request (required fields, ranges, patterns) is checked before it comes here; this module checks
what needs knowledge: the language, which settings go together, which splits the suite has tasks in, and how
it tells what answers are worth.
Whether there is such a suite is for `autoflow_trainer.library`. Which models there are, only the services
know that have them: a run that names another one fails when its worker first asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from autoflow.errors import InvalidArgument
from autoflow.language import Diagnostic, Severity, check
from autoflow.methods import Method, Reward
from autoflow.suites import Split

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
    reward: Reward | None = None
    """None means what suits the suite."""


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """An evaluation that somebody asks for."""

    spec: bytes
    """All of it, opaque; equal requests have equal bytes."""
    suite: str
    """Its id."""
    split: Split
    workflows: tuple[NamedWorkflow, ...]
    reward: Reward | None = None
    """None means what suits the suite."""


RunRequest: TypeAlias = OptimizationRequest | EvaluationRequest


def validate(request: RunRequest, sizes: Mapping[Split, int], *, judged: bool) -> None:
    """Refuses a request that no worker could serve.

    Args:
        request: what is wanted.
        sizes: tasks of each split of its suite.
        judged: whether the suite judges answers itself.

    Raises:
        InvalidArgument: a field is wrong; the error names it.
    """
    if isinstance(request, EvaluationRequest):
        _validate_split(request.split, sizes)
        _validate_reward(request.reward, "run.evaluation.reward", judged=judged)
        _validate_workflows(request.workflows, "run.evaluation.workflows")
    else:
        _validate_optimization(request, sizes)
        _validate_reward(request.reward, "run.optimization.reward", judged=judged)


def _validate_reward(reward: Reward | None, field: str, *, judged: bool) -> None:
    if reward is None or (reward is Reward.JUDGED) is judged:
        return
    if judged:
        raise InvalidArgument(
            field,
            "the suite judges answers by constraints, and has no accepted plans to compare them with",
            fix=f"leave it out, or take `{Reward.JUDGED}`",
        )
    raise InvalidArgument(
        field,
        "the suite has accepted plans, and nobody who judges other answers",
        fix=f"leave it out, or take `{Reward.PLAN}` or `{Reward.EXECUTED}`",
    )


def _validate_split(split: Split, sizes: Mapping[Split, int]) -> None:
    if not sizes[split]:
        others = " or ".join(f"`{other}`" for other, size in sizes.items() if size)
        raise InvalidArgument(
            "run.evaluation.split", f"the suite has no tasks in the split `{split}`", fix=f"take {others}"
        )


def _validate_optimization(request: OptimizationRequest, sizes: Mapping[Split, int]) -> None:
    if empty := " or ".join(f"`{split}`" for split, size in sizes.items() if not size):
        raise InvalidArgument(
            "run.optimization.suite",
            f"a run learns, chooses and measures on a split each, and the suite has no tasks in {empty}",
            fix="take a suite that has tasks in `train`, `validation` and `test`",
        )
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
