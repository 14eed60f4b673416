"""Prompts for writing workflows.

The chat begins with `design`; each workflow that was written before follows with how it did, the oldest
first: `revision` shows the verdict alone, `reflection` also what went wrong where. What a chat of a model
that can read more says besides is in `autoflow.prompts.writing`.
"""

from __future__ import annotations

from collections.abc import Sequence

from autoflow.llm.base import Message, Role
from autoflow.prompts._tools import tools_paragraph
from autoflow.suites.model import Tool

_PURPOSE = """\
You write workflows: procedures that another language model will carry out, step by step, on tasks that you \
do not see. That model knows only the task and the answers of the steps before, so let early steps establish \
every fact that later steps need."""

_LINES = """\
A workflow has one step a line, and nothing else:
Step 1:::process:::instruction:::next::Step 2
Step 2:::decision:::a question about the work so far:::Yes::Step 3::No::Step 1
Step 3:::terminal:::what to answer in the end"""

_NAMED_LINES = """\
A workflow has one step a line, and nothing else:
Read the task:::process:::instruction:::next::Check the work
Check the work:::decision:::a question about the work so far:::Yes::Answer::No::Read the task
Answer:::terminal:::what to answer in the end

A name says in a few words what its step does, and no two steps have the same."""

_JSON = """\
A workflow is a JSON object, and nothing else:
{"steps": [{"name": "Step 1", "type": "process", "instruction": "instruction", "branches": \
[{"label": "next", "target": "Step 2"}]}, {"name": "Step 2", "type": "decision", "instruction": \
"a question about the work so far", "branches": [{"label": "Yes", "target": "Step 3"}, {"label": "No", \
"target": "Step 1"}]}, {"name": "Step 3", "type": "terminal", "instruction": "what to answer in the end", \
"branches": []}]}"""

_NAMED_JSON = """\
A workflow is a JSON object, and nothing else:
{"steps": [{"name": "Read the task", "type": "process", "instruction": "instruction", "branches": \
[{"label": "next", "target": "Check the work"}]}, {"name": "Check the work", "type": "decision", \
"instruction": "a question about the work so far", "branches": [{"label": "Yes", "target": "Answer"}, \
{"label": "No", "target": "Read the task"}]}, {"name": "Answer", "type": "terminal", "instruction": \
"what to answer in the end", "branches": []}]}

A name says in a few words what its step does, and no two steps have the same."""

_RULES = """\
A process goes to one step. A decision chooses among two or more labelled steps, and may go back. A terminal \
step gives the final answer. An instruction is one line without colons."""


def design(
    goal: str, tools: Sequence[Tool], max_steps: int, *, named: bool = False, as_json: bool = False
) -> list[Message]:
    """Asks for a workflow.

    Args:
        goal: what the tasks have in common.
        tools: what the plans of the tasks may name.
        max_steps: the most steps that the workflow may have.
        named: whether steps are named by what they do; else they are numbered.
        as_json: whether it is to be written by `autoflow.language.workflow_schema`; else in the language.
    """
    forms = {
        (False, False): _LINES,
        (True, False): _NAMED_LINES,
        (False, True): _JSON,
        (True, True): _NAMED_JSON,
    }
    told = f"{_PURPOSE}\n\n{forms[named, as_json]}\n\n{_RULES}"
    return [
        Message(Role.SYSTEM, f"{told}\n\nAt most {max_steps} steps.{tools_paragraph(tools)}"),
        Message(Role.USER, f"Goal: {goal}\nWrite a workflow."),
    ]


def revision(workflow: str, verdict: str) -> list[Message]:
    """The turns that follow a workflow in a chat of refinement: the workflow, then how it did.

    Args:
        workflow: the text that was written.
        verdict: `score_verdict` or `error_verdict` of this module.
    """
    return [
        Message(Role.ASSISTANT, workflow),
        Message(Role.USER, f"{verdict}\nWrite a better workflow."),
    ]


def score_verdict(score: float) -> str:
    """How a workflow did that ran: its mean reward in [0, 1]."""
    return f"Score: {score:.2f}"


def error_verdict(error: str) -> str:
    """Why a workflow could not run: a diagnostic, or how its executions ended."""
    return f"Error: {error}"


def reflection(workflow: str, score: float, findings: Sequence[str]) -> list[Message]:
    """The turns of a refinement that shows what went wrong where.

    Args:
        workflow: the text that was written.
        score: its mean reward in [0, 1].
        findings: what was seen, one a line: `failed_step` of this module, or diagnostics.
    """
    seen = "\n".join(f"- {finding}" for finding in findings)
    return [
        Message(Role.ASSISTANT, workflow),
        Message(Role.USER, f"{score_verdict(score)}\nWhat went wrong:\n{seen}\nWrite a better workflow."),
    ]


def failed_step(step: str, answer: str, score: float) -> str:
    """One finding of a reflection: what a step answered in an execution that scored low."""
    return f"{step} answered: {answer} (score {score:.2f})"
