"""Reads plans out of answers, name by name and letter by letter, and judges them.

A plan is a sequence of tools. Its reward is 0 unless it could run (every name is a tool's, and the types
chain from the task's inputs to its output), else the order-aware F1 against the best accepted plan:
F1 = 2·LCS / (|plan| + |accepted|), where LCS is the length of the longest common subsequence.

Left out: names that almost match. An answer that names something unknown is no valid plan.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autoflow.suites.model import ContentType, Task, Tool

_SEPARATORS = re.compile(r"[,;\n]|->|→|=>")
_DECORATION = re.compile(
    r"^(?:[-*•]|\(?\d{1,3}[.):]|step \d{1,3}[.:)]?|then\b|and\b|finally\b)\s*", re.IGNORECASE
)
_LABEL = re.compile(r"^[^,;\n:]{0,40}:\s*")
_MAX_TOOLS = 64
_MAX_DECORATION = 100
"""What may surround a tool's name, in characters: marks are taken off one by one."""


@dataclass(frozen=True, slots=True)
class PlanReference:
    """What a right plan of a task is, and what is needed to judge any other."""

    tools: tuple[Tool, ...]
    inputs: tuple[ContentType, ...]
    output: ContentType
    accepted: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, task: Task, tools: tuple[Tool, ...]) -> PlanReference:
        """That of a task whose plans may name these tools."""
        return cls(tools, task.inputs, task.output, task.accepted)


def parse_plan(answer: str, tools: Sequence[Tool]) -> tuple[str, ...] | None:
    """Reads a plan: names of tools separated by commas, semicolons, arrows or line breaks.

    A leading label (`Plan:`), list marks and a closing full stop are passed over; case does not matter.

    Returns:
        The tools' own spellings in order; None where nothing, or anything that is no tool's name, is named.
    """
    names = {plain(tool.name): tool.name for tool in tools}
    items = plan_items(answer)
    longest = max(map(len, names), default=0) + _MAX_DECORATION
    if not items or len(items) > _MAX_TOOLS or any(len(item) > longest for item in items):
        return None
    plan = [names.get(plain(item)) for item in items]
    return None if None in plan else tuple(name for name in plan if name is not None)


def plan_items(answer: str) -> list[str]:
    """The parts of an answer that each ought to name a tool, as they stand there."""
    parts = _SEPARATORS.split(_LABEL.sub("", answer.strip(), count=1))
    return [part.strip() for part in parts if part.strip()]


def plain(item: str) -> str:
    """A name without list marks, quotes and case; what two spellings of one name have in common."""
    text = item.strip().strip("`*_\"'. ")
    while (shorter := _DECORATION.sub("", text)) != text:
        text = shorter.strip("`*_\"'. ")
    return " ".join(text.casefold().split())


def chains(
    plan: Sequence[str], tools: Mapping[str, Tool], inputs: Sequence[ContentType], output: ContentType
) -> bool:
    """Whether each tool finds its inputs among what is there, and the output alone is left."""
    there = Counter(inputs)
    for name in plan:
        needed = Counter(tools[name].inputs)
        if needed - there:
            return False
        there = there - needed + Counter([tools[name].output])
    return there == Counter([output])


def plan_valid(answer: str, reference: PlanReference) -> float:
    """1 where the answer is a plan that could run, else 0."""
    return float(_valid_plan(answer, reference) is not None)


def plan_exact(answer: str, reference: PlanReference) -> float:
    """1 where the answer is an accepted plan, else 0."""
    return float(_valid_plan(answer, reference) in reference.accepted)


def plan_f1(answer: str, reference: PlanReference) -> float:
    """The reward in [0, 1]: 0 for a plan that could not run, else F1 against the best accepted plan."""
    plan = _valid_plan(answer, reference)
    return 0.0 if plan is None else max(order_f1(plan, accepted) for accepted in reference.accepted)


def order_f1(plan: Sequence[str], accepted: Sequence[str]) -> float:
    """2·LCS / (|plan| + |accepted|), in [0, 1]; 0 where both are empty."""
    total = len(plan) + len(accepted)
    return 2 * _longest_common_subsequence(plan, accepted) / total if total else 0.0


def _valid_plan(answer: str, reference: PlanReference) -> tuple[str, ...] | None:
    # One with arguments is for steps, and no plan names it.
    tools = {tool.name: tool for tool in reference.tools if not tool.arguments_schema}
    plan = parse_plan(answer, tuple(tools.values()))
    if plan is None or not chains(plan, tools, reference.inputs, reference.output):
        return None
    return plan


def _longest_common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    row = [0] * (len(right) + 1)
    for item in left:
        diagonal = 0
        for index, other in enumerate(right, start=1):
            diagonal, row[index] = (
                row[index],
                diagonal + 1 if item == other else max(row[index], row[index - 1]),
            )
    return row[-1]
