"""Executes plans: the tools of a plan, one after the other, on several samples at once.

What a sample has is a row of contents. A tool takes, for each of its inputs in their order, the first content
of that type; its output takes the place of the first one taken. So a question that stands after its text is
still the second input after the text was repaired. Types are checked for the whole plan before anything runs.

A plan that cannot be executed is an outcome, and so is a sample that a tool cannot do; only what is the
tools' own trouble (they cannot be reached, they have too much to do) is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias, TypeVar

from autoflow.admission import Admission
from autoflow.concurrency import gather
from autoflow.plans import Match, NoMatch, ToolNames, plan_items
from autoflow.suites import Content, ContentType, Tool

_TYPE_NAMES = {ContentType.IMAGE: "an image", ContentType.TEXT: "a text"}
_MAX_STEPS = 64
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a sample has no output; of the sample's own doing."""

    message: str


@dataclass(frozen=True, slots=True)
class StepFailure:
    """Where in the plan a sample failed."""

    step: int
    """From 0."""
    tool: str
    message: str


class PlanOutcome(StrEnum):
    """What came of a plan."""

    EXECUTED = "executed"
    """Each sample has an output or a failure of its own."""
    NO_PLAN = "no plan"
    """The text names nothing."""
    UNKNOWN_TOOL = "unknown tool"
    """A name means no tool for certain."""
    TYPES_DO_NOT_FIT = "types do not fit"
    """A tool would not find its inputs, or something else than the output would be left."""


SampleResult: TypeAlias = Content | StepFailure


@dataclass(frozen=True, slots=True)
class PlanResult:
    """What came of a plan, and of each sample."""

    outcome: PlanOutcome
    detail: str = ""
    """One sentence that says why, where the plan was not executed."""
    matches: tuple[Match, ...] = ()
    """The tools that the names mean, in their order, as far as they were found."""
    samples: tuple[SampleResult, ...] = ()
    """In the order of the request; empty where the plan was not executed."""


class ToolBox(Protocol):
    """The tools that plans may name."""

    async def tools(self) -> Sequence[Tool]:
        """The tools that are there now.

        Raises:
            Unavailable: they cannot be reached.
        """

    async def call(self, tool: str, samples: Sequence[Sequence[Content]]) -> Sequence[Content | Failure]:
        """Applies a tool to samples.

        Raises:
            Unavailable: it cannot be reached.
            ResourceExhausted: it has too much to do.
        """


class PlanExecutor:
    """Executes plans.

    Args:
        box: the tools.
        admission: how many plans may be under way.
        batch: samples in one call of a tool at most; calls of one step run at once.
    """

    def __init__(self, box: ToolBox, admission: Admission, *, batch: int = 16) -> None:
        self._box = box
        self._admission = admission
        self._batch = batch

    async def execute(
        self, text: str, samples: Sequence[Sequence[Content]], output: ContentType
    ) -> PlanResult:
        """Executes the plan that a text names.

        Args:
            text: such as `Image Denoising, Image Captioning`.
            samples: what to execute it on, each with contents of the same types.
            output: the type that is wanted.

        Raises:
            FailedPrecondition: no tools are set up.
            Unavailable: a tool cannot be reached.
            ResourceExhausted: too many plans are under way, or a tool has too much to do.
        """
        with self._admission.enter():
            return await self._execute(text, samples, output)

    async def _execute(
        self, text: str, samples: Sequence[Sequence[Content]], output: ContentType
    ) -> PlanResult:
        tools = {tool.name: tool for tool in await self._box.tools()}
        found = _find(text, ToolNames(tools))
        if isinstance(found, PlanResult):
            return found
        plan = [tools[match.tool] for match in found]
        inputs = [ContentType.of(content) for content in samples[0]]
        if problem := _type_problem(plan, inputs, output):
            return PlanResult(PlanOutcome.TYPES_DO_NOT_FIT, problem, found)
        rows: list[list[Content] | StepFailure] = [list(sample) for sample in samples]
        for step, tool in enumerate(plan):
            await self._apply(step, tool, rows)
        results = tuple(row if isinstance(row, StepFailure) else row[0] for row in rows)
        return PlanResult(PlanOutcome.EXECUTED, matches=found, samples=results)

    async def _apply(self, step: int, tool: Tool, rows: list[list[Content] | StepFailure]) -> None:
        """Applies a step to the samples that have not failed, in batches at once."""
        alive = [index for index, row in enumerate(rows) if not isinstance(row, StepFailure)]
        batches = [alive[at : at + self._batch] for at in range(0, len(alive), self._batch)]
        await gather(self._apply_batch(step, tool, rows, batch) for batch in batches)

    async def _apply_batch(
        self, step: int, tool: Tool, rows: list[list[Content] | StepFailure], batch: Sequence[int]
    ) -> None:
        taken = [_take(tool, _alive(rows[index])) for index in batch]
        results = await self._box.call(tool.name, [inputs for inputs, _ in taken])
        for index, (_, places), result in zip(batch, taken, results, strict=True):
            if isinstance(result, Failure):
                rows[index] = StepFailure(step, tool.name, result.message)
            else:
                rows[index] = _replaced(_alive(rows[index]), places, result)


def _find(text: str, names: ToolNames) -> tuple[Match, ...] | PlanResult:
    """The tools that a text names, or why it is no plan."""
    items = plan_items(text)
    if not items:
        return PlanResult(PlanOutcome.NO_PLAN, "the answer names no tool")
    if len(items) > _MAX_STEPS:
        return PlanResult(
            PlanOutcome.NO_PLAN, f"the answer names {len(items)} tools; {_MAX_STEPS} are allowed"
        )
    matches: list[Match] = []
    for item in items:
        match = names.find(item)
        if isinstance(match, NoMatch):
            nearest = ", ".join(f"{tool} ({likeness:.2f})" for tool, likeness in match.nearest)
            detail = f"{item[:80]!r} is no tool's name for certain; the nearest are {nearest}"
            return PlanResult(PlanOutcome.UNKNOWN_TOOL, detail, tuple(matches))
        matches.append(match)
    return tuple(matches)


def _type_problem(plan: Sequence[Tool], inputs: Sequence[ContentType], output: ContentType) -> str:
    """Why types do not fit; empty where they do."""
    there = list(inputs)
    for number, tool in enumerate(plan, start=1):
        places = _places(tool, there)
        if places is None:
            wanted = " and ".join(_TYPE_NAMES[kind] for kind in tool.inputs)
            has = " and ".join(_TYPE_NAMES[kind] for kind in there)
            return f"step {number}, {tool.name}, takes {wanted}, and there is {has}"
        there = _replaced(there, places, tool.output)
    if there != [output]:
        left = " and ".join(_TYPE_NAMES[kind] for kind in there)
        return f"the plan ends with {left}, and {_TYPE_NAMES[output]} is wanted"
    return ""


def _places(tool: Tool, there: Sequence[ContentType]) -> list[int] | None:
    """Where a tool's inputs lie, in the order of its inputs; None where one is missing."""
    places: list[int] = []
    for kind in tool.inputs:
        free = (at for at, other in enumerate(there) if other is kind and at not in places)
        at = next(free, None)
        if at is None:
            return None
        places.append(at)
    return places


def _take(tool: Tool, row: Sequence[Content]) -> tuple[list[Content], list[int]]:
    places = _places(tool, [ContentType.of(content) for content in row])
    if places is None:
        raise AssertionError("types were checked before")
    return [row[at] for at in places], places


def _alive(row: list[Content] | StepFailure) -> list[Content]:
    if isinstance(row, StepFailure):
        raise AssertionError("only samples that have not failed go on")
    return row


def _replaced(row: Sequence[_T], places: Sequence[int], output: _T) -> list[_T]:
    """The row without what was taken, and with the output in the place of the first that was."""
    first = min(places)
    return [output if at == first else item for at, item in enumerate(row) if at == first or at not in places]
