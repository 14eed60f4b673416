"""A grammar under which a language model can only change one step of a workflow.

Every other line is given, to the letter. Of the step name, type and labels stay; the instruction is written
anew, and at most one branch leads to another step than before. A question for a person stays one. Only
those branches are admitted with which the workflow lints without errors, so that whatever the grammar
generates does as well.

Left out: another type, other labels, and several branches that change at once. Their number would grow with
the power of the branches, and each combination has to be linted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from autoflow.language.diagnostics import Severity
from autoflow.language.grammar import Notations, literal, notations
from autoflow.language.linter import lint
from autoflow.language.model import ASK_MARK, Branch, Step, Workflow


def step_grammar(workflow: Workflow, name: str, max_instruction_chars: int = 240) -> Notations:
    """Returns the grammar of the workflows that differ from a sound one in one step alone.

    Args:
        workflow: A workflow that lints without errors.
        name: Of the step that may change.
        max_instruction_chars: As in ``decoding_grammar``; of this step alone.

    Raises:
        KeyError: No step has that name.
        ValueError: The bound is below its minimum.
    """
    place = workflow.steps.index(workflow.step(name))
    return notations(partial(_rules, workflow=workflow, place=place), max_instruction_chars)


def _rules(start: str, workflow: Workflow, place: int) -> list[tuple[str, str]]:
    step = workflow.steps[place]
    before, after = (
        [literal("".join(f"{each.text}\n" for each in steps))] if steps else []
        for steps in (workflow.steps[:place], workflow.steps[place + 1 :])
    )
    mark = "" if step.question is None else f"{ASK_MARK} "
    # Without an instruction, a line has the same beginning and end.
    head = replace(step, instruction="", branches=()).text
    ends = [
        f"{replace(each, instruction='').text.removeprefix(head)}\n"
        for each in (step, *_led_elsewhere(workflow, place))
    ]
    return [
        (start, " ".join([*before, literal(f"{head}{mark}"), "instruction", "end", *after])),
        ("end", " | ".join(map(literal, ends))),
    ]


def _led_elsewhere(workflow: Workflow, place: int) -> Iterator[Step]:
    """The step with one branch that leads elsewhere, each time so that the workflow stays sound."""
    step = workflow.steps[place]
    for i, branch in enumerate(step.branches):
        for target in (each.name for each in workflow.steps if each.name != branch.target):
            branches = (*step.branches[:i], Branch(branch.label, target), *step.branches[i + 1 :])
            other = replace(step, branches=branches)
            steps = (*workflow.steps[:place], other, *workflow.steps[place + 1 :])
            if not any(found.severity is Severity.ERROR for found in lint(Workflow(steps))):
                yield other
