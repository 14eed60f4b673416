"""Plans that are wrong by one step, and plans by chance: what a reference plan is compared with.

Left out: corruptions of several steps, and of a plan's inputs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from autoflow.plans import chains
from autoflow.suites import Task, Tool

Plan: TypeAlias = tuple[str, ...]

LONGEST = 6
"""Steps of the longest reference of the suite `planning`."""
_TRIES = 200_000


class Change(StrEnum):
    """What was done to a reference plan."""

    MISSING = "missing"
    """A step is left out."""
    SWAPPED = "swapped"
    """Two neighbouring steps have changed places."""
    REPLACED = "replaced"
    """A step is another tool."""
    ADDED = "added"
    """A step more, of any tool, at any place."""


@dataclass(frozen=True, slots=True)
class Corruption:
    """A plan that is wrong by one step."""

    plan: Plan
    change: Change
    fits: bool
    """Whether its types chain from the task's inputs to its output."""


def corruptions(task: Task, tools: Sequence[Tool]) -> list[Corruption]:
    """Every plan that is one change away from a task's reference, once each; accepted plans are left out.

    A plan that two changes lead to, such as a tool's second use before or after itself, counts once.
    """
    catalogue = {tool.name: tool for tool in tools}
    found: dict[Plan, Change] = {}
    for change, plan in _changed(task.accepted[0], tuple(catalogue)):
        if plan not in task.accepted:
            found.setdefault(plan, change)
    return [Corruption(plan, change, fits(task, plan, catalogue)) for plan, change in found.items()]


def fits(task: Task, plan: Plan, tools: Mapping[str, Tool]) -> bool:
    """Whether a plan could run on a task."""
    return chains(plan, tools, task.inputs, task.output)


def random_plans(task: Task, tools: Sequence[Tool], count: int, rng: random.Random) -> list[Plan]:
    """Plans by chance whose types fit: a length of 1 to `LONGEST`, then tools, each as likely as any other.

    Lengths of which no plan fits are drawn anew. An accepted plan may be among them, and a plan twice.
    """
    catalogue = {tool.name: tool for tool in tools}
    names = tuple(catalogue)
    drawn: list[Plan] = []
    lengths = _possible_lengths(task, tools)
    while len(drawn) < count:
        length = rng.choice(lengths)
        tries = (tuple(rng.choices(names, k=length)) for _ in range(_TRIES))
        drawn.append(next(plan for plan in tries if fits(task, plan, catalogue)))
    return drawn


def _possible_lengths(task: Task, tools: Sequence[Tool]) -> list[int]:
    """The lengths that plans of a task can have: any tool that keeps its input's type makes a plan longer."""
    catalogue = {tool.name: tool for tool in tools}
    shortest = 1
    while not any(fits(task, plan, catalogue) for plan in _all(tuple(catalogue), shortest)):
        shortest += 1
    return list(range(shortest, LONGEST + 1))


def _all(names: Sequence[str], length: int) -> Iterator[Plan]:
    if not length:
        yield ()
        return
    for rest in _all(names, length - 1):
        for name in names:
            yield (name, *rest)


def _changed(plan: Plan, names: Sequence[str]) -> Iterator[tuple[Change, Plan]]:
    steps = range(len(plan))
    for at in steps:
        yield Change.MISSING, (*plan[:at], *plan[at + 1 :])
    for at in steps[:-1]:
        yield Change.SWAPPED, (*plan[:at], plan[at + 1], plan[at], *plan[at + 2 :])
    for at in steps:
        for name in names:
            if name != plan[at]:
                yield Change.REPLACED, (*plan[:at], name, *plan[at + 1 :])
    for at in range(len(plan) + 1):
        for name in names:
            yield Change.ADDED, (*plan[:at], name, *plan[at:])
