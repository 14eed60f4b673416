"""Executes plans: the tools of a plan, one after the other, on several samples at once.

Types are checked for the whole plan before anything runs. Samples then go through the plan in groups, each at
its own pace, so that the tools of several steps, and their providers, work at the same time.

A plan that cannot be executed is an outcome, and so is a sample that a tool cannot do; only what is the
tools' own trouble (they cannot be reached, they have too much to do) is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

from autoflow.concurrency import gather
from autoflow.errors import Unavailable
from autoflow.plans import How, Match, NoMatch, ToolNames, plan_items
from autoflow.suites import Content, ContentType, Tool
from autoflow.telemetry import span
from autoflow.tools.model import ToolFailure
from autoflow_interpreter.plan_typing import places_of, replaced, type_problem

_MAX_STEPS = 64


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
_Rows: TypeAlias = list[list[Content] | StepFailure]
"""What each sample has now, or why it goes no further."""


@dataclass(frozen=True, slots=True)
class PlanTarget:
    """What a plan is executed on, and what it is to end in."""

    samples: Sequence[Sequence[Content]]
    """At least one; all with contents of the same types."""
    output: ContentType


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


class Toolset(Protocol):
    """The tools that were there when it was made."""

    @property
    def tools(self) -> Mapping[str, Tool]:
        """By their names."""

    @property
    def complete(self) -> bool:
        """Whether all that there may be are known; else a name that is none of theirs may still mean one."""

    async def call(self, tool: Tool, samples: Sequence[Sequence[Content]]) -> Sequence[Content | ToolFailure]:
        """Applies one of the tools to samples.

        Returns:
            For each sample a content of the tool's output type, or a failure.

        Raises:
            Unavailable: it cannot be reached, or does not do what it says.
            ResourceExhausted: it has too much to do.
        """


class ToolBox(Protocol):
    """Where tools come from."""

    def check(self) -> None:
        """Returns if there may be tools.

        Raises:
            FailedPrecondition: none are set up.
        """

    async def open(self) -> Toolset:
        """The tools that are there now.

        Raises:
            FailedPrecondition: none are set up.
        """


class PlanExecutor:
    """Executes plans.

    Args:
        box: the tools.
        batch: samples in one call of a tool at most.
        batch_bytes: of contents in one call, if it has more than one sample.
    """

    def __init__(self, box: ToolBox, *, batch: int = 16, batch_bytes: int = 3 * 2**20) -> None:
        self._box = box
        self._batch = batch
        self._batch_bytes = batch_bytes

    def check(self) -> None:
        """Returns if plans may be executed; see `ToolBox.check`."""
        self._box.check()

    async def execute(self, text: str, target: PlanTarget) -> PlanResult:
        """Executes the plan that a text names.

        Args:
            text: such as `Image Denoising, Image Captioning`.
            target: on what.

        Raises:
            FailedPrecondition: no tools are set up.
            Unavailable: a tool cannot be reached, or does not do what it says.
            ResourceExhausted: a tool has too much to do.
        """
        toolset = await self._box.open()
        found = _find(text, toolset)
        if isinstance(found, PlanResult):
            return found
        plan = [toolset.tools[match.tool] for match in found]
        inputs = [ContentType.of(content) for content in target.samples[0]]
        if problem := type_problem(plan, inputs, target.output):
            return PlanResult(PlanOutcome.TYPES_DO_NOT_FIT, problem, found)
        rows: _Rows = [list(sample) for sample in target.samples]
        groups = [range(at, min(at + self._batch, len(rows))) for at in range(0, len(rows), self._batch)]
        with span("plan.execute", {"autoflow.plan.steps": len(plan), "autoflow.plan.samples": len(rows)}):
            await gather(self._go_through(plan, toolset, rows, group) for group in groups)
        results = tuple(row if isinstance(row, StepFailure) else row[0] for row in rows)
        return PlanResult(PlanOutcome.EXECUTED, matches=found, samples=results)

    async def _go_through(
        self, plan: Sequence[Tool], toolset: Toolset, rows: _Rows, group: Sequence[int]
    ) -> None:
        """Takes a group of samples through the plan, as long as they do not fail."""
        for step, tool in enumerate(plan):
            taken = [_take(tool, index, row) for index in group if isinstance(row := rows[index], list)]
            await gather(self._apply(step, tool, toolset, rows, batch) for batch in self._batches(taken))

    async def _apply(
        self, step: int, tool: Tool, toolset: Toolset, rows: _Rows, batch: Sequence[_Taken]
    ) -> None:
        with span("tool.call", {"autoflow.tool.name": tool.name, "autoflow.tool.samples": len(batch)}):
            results = await toolset.call(tool, [taken.inputs for taken in batch])
        for taken, result in zip(batch, results, strict=True):
            if isinstance(result, ToolFailure):
                rows[taken.index] = StepFailure(step, tool.name, result.message)
            else:
                rows[taken.index] = replaced(taken.row, taken.places, result)

    def _batches(self, taken: Sequence[_Taken]) -> Iterator[list[_Taken]]:
        batch: list[_Taken] = []
        size = 0
        for each in taken:
            if batch and (size + each.size > self._batch_bytes or len(batch) == self._batch):
                yield batch
                batch, size = [], 0
            batch.append(each)
            size += each.size
        if batch:
            yield batch


@dataclass(frozen=True, slots=True)
class _Taken:
    """What a tool takes of a sample."""

    index: int
    """The sample's."""
    row: Sequence[Content]
    places: Sequence[int]

    @property
    def inputs(self) -> list[Content]:
        return [self.row[at] for at in self.places]

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(len(item) if isinstance(item, bytes) else len(item.encode()) for item in self.inputs)


def _take(tool: Tool, index: int, row: Sequence[Content]) -> _Taken:
    places = places_of(tool, [ContentType.of(content) for content in row])
    if places is None:
        raise AssertionError("types were checked before")
    return _Taken(index, row, places)


def _find(text: str, toolset: Toolset) -> tuple[Match, ...] | PlanResult:
    """The tools that a text names, or why it is no plan."""
    items = plan_items(text)
    if not items:
        return PlanResult(PlanOutcome.NO_PLAN, "the answer names no tool")
    if len(items) > _MAX_STEPS:
        return PlanResult(
            PlanOutcome.NO_PLAN, f"the answer names {len(items)} tools; {_MAX_STEPS} are allowed"
        )
    names = ToolNames(toolset.tools)
    matches: list[Match] = []
    for item in items:
        match = names.find(item)
        certain = isinstance(match, Match) and match.how is How.EXACT
        if not (certain or toolset.complete):
            raise Unavailable(f"a provider of tools that may have {item[:80]!r} cannot be reached")
        if isinstance(match, NoMatch):
            nearest = ", ".join(f"{tool} ({likeness:.2f})" for tool, likeness in match.nearest)
            detail = f"{item[:80]!r} is no tool's name for certain; the nearest are {nearest}"
            return PlanResult(PlanOutcome.UNKNOWN_TOOL, detail, tuple(matches))
        matches.append(match)
    return tuple(matches)
