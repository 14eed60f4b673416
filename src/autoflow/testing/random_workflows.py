"""Workflows drawn at random: sound, of any shape, with loops that can be left.

`random_workflow(random.Random(7))` is always the same; `hypothesis.strategies.randoms(use_true_random=False)`
makes a strategy of it whose examples shrink.
"""

from __future__ import annotations

import random
from dataclasses import replace

from autoflow.language import NEXT_LABEL, Branch, Step, StepType, Workflow, check

_LABELS = ("Yes", "No", "Again", "Other")
_WAYS = (1, 1, 1, 2, 2, 3, 4)
"""Branches of a step that does not end the workflow; drawn evenly."""
_EARLY_END = 0.15
"""How likely a step ends the workflow that need not."""
_BACK = 0.25
"""How likely a process is tried to lead back."""


def random_workflow(rng: random.Random, *, max_steps: int = 12, about: str = "part") -> Workflow:
    """Draws a workflow that lints without errors: every step is reachable, and from each there is a way out.

    Args:
        rng: draws.
        max_steps: the most steps, 1 or more.
        about: one word, with which the number of the step stands in each instruction, such as `part-3`.

    Returns:
        Processes, decisions of two to four ways and one or more terminal steps, `Step 1` and so on.
    """
    count = rng.randint(1, max_steps)
    ways = _ways(rng, count)
    targets = _targets(rng, ways)
    steps = [_step(number, about, targets[number]) for number in range(count)]
    for number, step in enumerate(steps):
        if step.type is StepType.PROCESS and rng.random() < _BACK:
            back = Branch(NEXT_LABEL, steps[rng.randint(0, number)].name)
            changed = [*steps[:number], replace(step, branches=(back,)), *steps[number + 1 :]]
            if check(Workflow(tuple(changed)).text).ok:
                steps = changed
    return Workflow(tuple(steps))


def _ways(rng: random.Random, count: int) -> list[int]:
    """How many branches each step has. One can be led to each from those before it, and the last has none."""
    ways: list[int] = []
    free = 0
    for left in range(count - 1, -1, -1):
        # Every further step takes one of the free branches.
        ends = left == 0 or (free > 1 and rng.random() < _EARLY_END)
        ways.append(0 if ends else rng.choice(_WAYS))
        free += ways[-1] - (1 if len(ways) > 1 else 0)
    return ways


def _targets(rng: random.Random, ways: list[int]) -> list[list[int]]:
    """Where branches lead: one from before to each step, and from each that goes on one to a later step."""
    targets: list[list[int]] = [[] for _ in ways]
    for number in range(1, len(ways)):
        # Those with nothing yet come first, so that processes never lead back here.
        open_ = [before for before in range(number) if len(targets[before]) < ways[before]]
        idle = [before for before in open_ if not targets[before]]
        targets[rng.choice(idle or open_)].append(number)
    for number, wanted in enumerate(ways):
        while len(targets[number]) < wanted:
            later = range(number + 1, len(ways))
            targets[number].append(rng.choice(later) if not targets[number] else rng.randrange(len(ways)))
        rng.shuffle(targets[number])
    return targets


def _step(number: int, about: str, targets: list[int]) -> Step:
    name = f"Step {number + 1}"
    what = f"{about}-{number + 1}"
    if not targets:
        return Step(name, StepType.TERMINAL, f"Tell what came of {what}.")
    if len(targets) == 1:
        way = Branch(NEXT_LABEL, f"Step {targets[0] + 1}")
        return Step(name, StepType.PROCESS, f"Find out about {what}.", (way,))
    branches = tuple(
        Branch(label, f"Step {target + 1}") for label, target in zip(_LABELS, targets, strict=False)
    )
    return Step(name, StepType.DECISION, f"Judge {what}. What follows?", branches)
