"""What a person should know before trusting a figure or a workflow, in words.

Optimisations, evaluations and matrices flag alike. A flag changes no figure and no choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from autoflow.language import check
from autoflow.power import ASSUMED_SD, power_of
from autoflow_worker.disagreement import Disagreement, Growth
from autoflow_worker.evaluator import Row, cost_of
from autoflow_worker.leaks import Leak
from autoflow_worker.ports import Workflow
from autoflow_worker.statistics import Estimate

_MOST_TASKS = 20
"""Of a flag."""


class FlagKind(StrEnum):
    """Kinds of flags."""

    LEAK = "leak"
    """A query or a reference of a task stands in the workflow's text."""
    DISAGREEMENT = "disagreement"
    """A metric that was not optimised went the other way."""
    GROWTH = "growth"
    """It is much longer or dearer than what it is compared with."""
    REOPENED = "reopened"
    """The suite's test split has been opened before."""
    MISSING = "missing"
    """Cells are missing because the infrastructure failed."""
    UNDERPOWERED = "underpowered"
    """Too few tasks to tell a difference of this size from chance."""
    UNREGISTERED = "unregistered"
    """It was to be registered, and the registry was away."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One thing to know."""

    kind: FlagKind
    workflow: str
    """Which one it is about, by its name in the result."""
    message: str
    tasks: tuple[str, ...] = ()
    """Ids of those that show it, at most 20."""


def missing(workflow: str, tasks: Sequence[str]) -> list[Flag]:
    """Says what the infrastructure could not measure.

    Args:
        workflow: its name.
        tasks: ids of the tasks of which cells are missing.
    """
    if not tasks:
        return []
    words = f"{len(tasks)} task{'s' if len(tasks) > 1 else ''} could not be measured as often as asked for"
    return [Flag(FlagKind.MISSING, workflow, f"{words}: a service failed", tuple(tasks[:_MOST_TASKS]))]


def reopened(workflow: str, openings: int) -> list[Flag]:
    """Says that the test split was opened before.

    Args:
        workflow: its name.
        openings: how many runs opened it, this one included; 0 for another split.
    """
    if openings < 2:
        return []
    words = f"this is the {_ordinal(openings)} run that opens the suite's test split"
    return [Flag(FlagKind.REOPENED, workflow, f"{words}: what was chosen by earlier figures is flattered")]


def underpowered(workflow: str, difference: Estimate | None, tasks: int, candidates: int = 1) -> list[Flag]:
    """Says that a difference is smaller than what so many tasks can tell from chance.

    Args:
        workflow: its name.
        difference: to what it is compared with; None where there is none.
        tasks: independent ones, on which both were measured.
        candidates: of which the best is compared.
    """
    if difference is None or not difference.mean or difference.low > 0 or difference.high < 0:
        return []
    effect = power_of(tasks, ASSUMED_SD, candidates=candidates).effect
    if abs(difference.mean) >= effect:
        return []
    sees = f"tell one of {effect:.2f} from chance" if effect <= 1 else "tell none from chance"
    number = f"{tasks} independent task{'s' if tasks != 1 else ''}"
    words = f"a difference of {difference.mean:+.3f}; {number} can {sees}"
    return [Flag(FlagKind.UNDERPOWERED, workflow, words)]


def leaking(workflow: str, leaks: Sequence[Leak]) -> list[Flag]:
    """Says what a workflow's text has from tasks."""
    return [Flag(FlagKind.LEAK, workflow, leak.sentence, leak.tasks[:_MOST_TASKS]) for leak in leaks]


def disagreeing(workflow: str, found: Disagreement | None) -> list[Flag]:
    """Says that another metric went the other way."""
    return [Flag(FlagKind.DISAGREEMENT, workflow, found.sentence)] if found else []


def grown(workflow: str, over: str, found: Sequence[Growth]) -> list[Flag]:
    """Says what a workflow uses much more of than another one.

    Args:
        workflow: its name.
        over: the other's.
        found: the most grown first.
    """
    if not found:
        return []
    words = ", ".join(f"{one.what} {one.winner:.4g} against {one.incumbent:.4g}" for one in found)
    return [Flag(FlagKind.GROWTH, workflow, f"much more than {over}: {words}")]


def shared(row: Row, other: Row) -> tuple[Row, Row]:
    """Two rows on the same tasks, without what only one of them has."""
    there = [mine is not None and theirs is not None for mine, theirs in zip(row, other, strict=True)]
    return _where(row, there), _where(other, there)


def shared_groups(row: Row, other: Row, groups: Sequence[str]) -> int:
    """Independent tasks that both rows have; `groups` as `autoflow_worker.acceptance.groups_of`."""
    return len({group for mine, group in zip(shared(row, other)[0], groups, strict=True) if mine})


def _where(row: Row, there: Sequence[bool]) -> Row:
    return tuple(score if kept else None for score, kept in zip(row, there, strict=True))


def uses(workflow: Workflow, row: Row) -> dict[str, float]:
    """What a workflow uses, by name: its text, and what an execution costs, for `growth`."""
    parsed = check(workflow.text).workflow
    cost = cost_of(row)
    executions = max(1, cost.executions)
    return {
        "steps": len(parsed.steps) if parsed else 0,
        "words": len(workflow.text.split()),
        "calls of the model": cost.usage.calls / executions,
        "tokens": cost.usage.tokens / executions,
        "calls of tools": cost.tool_calls / executions,
        "USD": cost.usage.cost_usd / executions,
    }


def _ordinal(number: int) -> str:
    last = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{last}"
