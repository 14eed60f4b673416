"""The winner of a run, as its text and as a table of where each step leads."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from autoflow.cli.console import one_line
from autoflow.language import Step, StepType, check

_NAME, _TARGET = 20, 28
"""Characters of a column at most."""


def winner_steps(text: str) -> RenderableType:
    """The winner, with a heading; see `steps_table`."""
    return Group(Text("The winner", "bold"), steps_table(text))


def steps_table(text: str) -> RenderableType:
    """Draws a workflow for a terminal: each step, what it asks, and where it leads.

    Args:
        text: of the workflow; what is no step is left out.
    """
    workflow = check(text).workflow
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    # Names and labels may be long; the instruction is what matters.
    table.add_column(no_wrap=True, max_width=_NAME)
    table.add_column()
    table.add_column(no_wrap=True, max_width=_TARGET)
    for step in workflow.steps if workflow is not None else ():
        table.add_row(
            Text(one_line(step.name), "cyan"), Text(one_line(step.instruction)), Text(_leads_to(step))
        )
    return table


def _leads_to(step: Step) -> str:
    if step.type is StepType.TERMINAL:
        return "■ the answer"
    if step.type is StepType.PROCESS:
        return "\n".join(f"→ {one_line(branch.target)}" for branch in step.branches)
    return "\n".join(f"{one_line(branch.label)} → {one_line(branch.target)}" for branch in step.branches)
