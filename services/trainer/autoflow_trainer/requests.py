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
from autoflow.methods import Method, Reward
from autoflow.soundness import sound_workflow
from autoflow.suites import Split


@dataclass(frozen=True, slots=True)
class NamedWorkflow:
    """A workflow that is to be measured."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class ModelName:
    """A model as a request names it."""

    model: str
    adapter: str
    """Empty means the model's own weights."""


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
    iterations: int = 0
    """0 means the method's own."""
    lora: bool = False
    """Whether it says how an adapter is to be trained."""
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
    tasks: int = 0
    """0 means all of the split."""
    temperature: float = 0.0
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class MatrixRequest:
    """A matrix that somebody asks for."""

    spec: bytes
    """All of it, opaque; equal requests have equal bytes."""
    suite: str
    """Its id."""
    method: Method
    candidates: int
    """An iteration; 0 means the method's own."""
    split: Split
    """On which the winners are compared."""
    generators: tuple[ModelName, ...]
    interpreters: tuple[ModelName, ...]
    reward: Reward | None = None
    """None means what suits the suite."""


RunRequest: TypeAlias = OptimizationRequest | EvaluationRequest | MatrixRequest


def validate(request: RunRequest, sizes: Mapping[Split, int], *, judged: bool) -> None:
    """Refuses a request that no worker could serve.

    Args:
        request: what is wanted.
        sizes: tasks of each split of its suite.
        judged: whether the suite judges answers itself.

    Raises:
        InvalidArgument: a field is wrong; the error names it.
    """
    match request:
        case OptimizationRequest():
            kind = "optimization"
            _validate_optimization(request, sizes)
        case EvaluationRequest():
            kind = "evaluation"
            _validate_evaluation(request, sizes)
        case MatrixRequest():
            kind = "matrix"
            _validate_matrix(request, sizes)
    _validate_reward(request.reward, f"run.{kind}.reward", judged=judged)


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


def _validate_evaluation(request: EvaluationRequest, sizes: Mapping[Split, int]) -> None:
    if not sizes[request.split]:
        others = " or ".join(f"`{other}`" for other, size in sizes.items() if size)
        raise InvalidArgument(
            "run.evaluation.split",
            f"the suite has no tasks in the split `{request.split}`",
            fix=f"take {others}",
        )
    if request.repeats > 1 and not request.temperature:
        raise InvalidArgument(
            "run.evaluation.repeats",
            "without a temperature every repetition of an execution is the same",
            fix="set a temperature above 0, or leave the repeats out",
        )
    _validate_workflows(request.workflows, "run.evaluation.workflows")


def _validate_optimization(request: OptimizationRequest, sizes: Mapping[Split, int]) -> None:
    _validate_splits(tuple(Split), sizes, "run.optimization.suite")
    if request.method.trains and request.generator_adapter:
        raise InvalidArgument(
            "run.optimization.generator.adapter",
            "the run trains an adapter of its own from the model's own weights",
            fix=f"leave the adapter out, or take the method `{Method.REFLECTIVE}`, which trains nothing",
        )
    if request.lora and not request.method.trains:
        raise InvalidArgument(
            "run.optimization.lora",
            f"`{request.method}` leaves the model's weights alone and trains no adapter",
            fix=f"leave the settings out, or take a method that trains, such as `{Method.RLOO}`",
        )
    _validate_candidates(request.method, request.candidates, "run.optimization.candidates")
    _validate_workflows(request.comparators, "run.optimization.test.comparators")


def _validate_matrix(request: MatrixRequest, sizes: Mapping[Split, int]) -> None:
    needed = dict.fromkeys((Split.TRAIN, Split.VALIDATION, request.split))
    _validate_splits(tuple(needed), sizes, "run.matrix.suite")
    for name, models in (("generators", request.generators), ("interpreters", request.interpreters)):
        for index, model in enumerate(models):
            if model in models[:index]:
                raise InvalidArgument(
                    f"run.matrix.{name}[{index}]",
                    f"{model.model!r} is named twice: its pairings would be measured twice",
                    fix="name every model once",
                )
    _validate_candidates(request.method, request.candidates, "run.matrix.candidates")


def _validate_splits(needed: Sequence[Split], sizes: Mapping[Split, int], field: str) -> None:
    if empty := " or ".join(f"`{split}`" for split in needed if not sizes[split]):
        wanted = [f"`{split}`" for split in needed]
        raise InvalidArgument(
            field,
            f"a run searches, chooses and measures on a split each, and the suite has no tasks in {empty}",
            fix=f"take a suite that has tasks in {', '.join(wanted[:-1])} and {wanted[-1]}",
        )


def _validate_candidates(method: Method, candidates: int, field: str) -> None:
    alone = {Method.REINFORCE: Method.RLOO, Method.HISTORY: Method.REFLECTIVE}
    if method in alone and candidates > 1:
        raise InvalidArgument(
            field,
            f"`{method}` has one candidate an iteration, not {candidates}",
            fix=f"leave it out, or take the method `{alone[method]}`",
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
        sound_workflow(workflow.source, f"{field}.workflow.source", repr(workflow.name))
