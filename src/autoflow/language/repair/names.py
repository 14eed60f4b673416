"""Mends the names of steps: repeated steps, repeated names, and steps in another order than their numbers."""

from __future__ import annotations

from autoflow.language.diagnostics import quoted
from autoflow.language.fields import name_key
from autoflow.language.graph import Graph
from autoflow.language.repair.drafts import Draft, Drafts


def mend_names(drafts: Drafts) -> None:
    """Leaves out steps that repeat another; renames one of a taken number where the next is missing."""
    kept: list[Draft] = []
    taken: dict[str, Draft] = {}
    missing = {name_key(branch.target) for step in drafts.steps for branch in step.branches}
    missing -= {name_key(step.name) for step in drafts.steps}
    for position, step in enumerate(drafts.steps, start=1):
        first = taken.get(name_key(step.name))
        if first is not None and _says_the_same(first, step):
            drafts.tell("removed-step", step, f"{quoted(step.name)} repeats the step of line {first.line}.")
            continue
        name = numbered(step.name, position)
        if first is not None and name_key(name) in missing and name_key(name) not in taken:
            drafts.tell("renamed-step", step, f"The second {quoted(step.name)} is named {quoted(name)}.")
            step.name = name
        taken.setdefault(name_key(step.name), step)
        kept.append(step)
    drafts.steps = kept


def order_by_number(drafts: Drafts) -> None:
    """Puts numbered steps in order, where the first of them stands below and no path leads to it."""
    numbers = [_number(step.name) for step in drafts.steps]
    heads = {name_key(step.name.rpartition(" ")[0]) for step in drafts.steps}
    if -1 in numbers or len(set(numbers)) < len(numbers) or len(heads) > 1:
        return
    first = numbers.index(min(numbers))
    if first in Graph.of(drafts.workflow()).reachable():
        return
    step = drafts.steps[first]
    drafts.tell(
        "moved-step", step, f"The steps are put in the order of their numbers: {quoted(step.name)} first."
    )
    drafts.steps = [
        step for _, step in sorted(zip(numbers, drafts.steps, strict=True), key=lambda pair: pair[0])
    ]


def numbered(name: str, number: int) -> str:
    """Returns a name that ends in a number with another one; any other name as it is."""
    return name if _number(name) < 0 else f"{name.rpartition(' ')[0]} {number}".lstrip()


def free_name(drafts: Drafts, name: str) -> str:
    """Returns a name like the one given that no step has."""
    count = 2
    while drafts.declares(f"{name} ({count})"):
        count += 1
    return f"{name} ({count})"


def following_number(drafts: Drafts) -> str:
    """Returns the key of the name that would follow a last step named like `Step 4`; else the empty text."""
    number = _number(drafts.steps[-1].name)
    return name_key(numbered(drafts.steps[-1].name, number + 1)) if number >= 0 else ""


def _says_the_same(step: Draft, other: Draft) -> bool:
    return (step.type, step.instruction, step.branches) == (other.type, other.instruction, other.branches)


def _number(name: str) -> int:
    """Returns the number at the end of a name; -1 if there is none, or it is too long for one."""
    number = name.rpartition(" ")[2]
    return int(number) if number.isdecimal() and len(number) < 5 else -1
