"""Draws a workflow as a graph in Graphviz's DOT.

Any workflow can be drawn, sound or not: an undeclared target becomes a dashed node. Nodes are numbered, and
every text stands in a quoted string whose quotes and backslashes are escaped: none can break out of it.
"""

from __future__ import annotations

import textwrap
from typing import Final

from autoflow.language.fields import name_key
from autoflow.language.model import NEXT_LABEL, Branch, Step, StepType, Workflow

_LINE_CHARS: Final = 36
_TEXT_CHARS: Final = 140
_SHAPES: Final = {StepType.PROCESS: "box", StepType.DECISION: "diamond", StepType.TERMINAL: "oval"}


def to_dot(workflow: Workflow) -> str:
    """Returns the graph, for `dot -Tsvg` and the like.

    Process steps are boxes, decisions diamonds, terminal steps ovals. Long texts are cut short.
    """
    ids = {key: f"s{i}" for key, i in workflow.index.items()}
    nodes = [
        f"s{i} [shape={_SHAPES[step.type]}, label={_label(step.name, step.instruction)}]"
        for i, step in enumerate(workflow.steps)
    ]
    edges: list[str] = []
    for i, step in enumerate(workflow.steps):
        for branch in step.branches:
            key = name_key(branch.target)
            if key not in ids:
                ids[key] = f"u{len(nodes)}"
                nodes.append(f"{ids[key]} [style=dashed, label={_label(branch.target)}]")
            edges.append(f"s{i} -> {ids[key]}{_attributes(step, branch)}")
    return "".join(
        f"{line}\n" for line in ["digraph workflow {", *(f"  {each};" for each in nodes + edges), "}"]
    )


def _attributes(step: Step, branch: Branch) -> str:
    if step.type is StepType.PROCESS and name_key(branch.label) == NEXT_LABEL:
        return ""
    return f" [label={_label(branch.label)}]"


def _label(*texts: str) -> str:
    lines = [line for text in texts for line in textwrap.wrap(_shortened(text), _LINE_CHARS)]
    return '"' + "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


def _shortened(text: str) -> str:
    return text if len(text) <= _TEXT_CHARS else f"{text[: _TEXT_CHARS - 1].rstrip()}…"
