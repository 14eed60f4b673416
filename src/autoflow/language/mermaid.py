"""Draws a workflow as a Mermaid flowchart.

Any workflow can be drawn, sound or not: an undeclared target becomes a dashed node. Nodes are numbered and
every character of a label that could mean something to Mermaid, Markdown or HTML is written as an entity,
so that no text can break out of its label. A line is broken at a space by `<br/>` and within a word by
`<br>`, which look alike: so `autoflow.language.repair` can read the flowchart back.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Final

from autoflow.language.diff import ChangeKind, StepChange, WorkflowDiff
from autoflow.language.fields import name_key
from autoflow.language.model import NEXT_LABEL, Branch, Step, StepType, Workflow

_LINE_CHARS: Final = 36
LONGEST_NAME: Final = 36
"""Characters of a name or a label that are shown, as those of an undeclared target."""
LONGEST_INSTRUCTION: Final = 140
"""Characters of an instruction that are shown."""
_HARMLESS: Final = frozenset(" .,!?'()/-")
# Some versions of Mermaid refuse a label with a line that begins like a list.
_LIST_MARKER: Final = re.compile(r"\d*[.)-](?= )")
_SPACES: Final = re.compile("[ \t]+")
_SHAPES: Final = {
    StepType.PROCESS: ("[", "]"),
    StepType.DECISION: ("{", "}"),
    StepType.TERMINAL: ("([", "])"),
}


def to_mermaid(workflow: Workflow) -> str:
    """Returns the flowchart, for a Mermaid renderer or a Markdown block of that name.

    Process steps are rectangles, decisions diamonds, terminal steps stadiums. Long names, labels and
    instructions are cut short.
    """
    ids = {key: f"s{i}" for key, i in workflow.index.items()}
    nodes = [f"s{i}{_node(step)}" for i, step in enumerate(workflow.steps)]
    edges: list[str] = []
    for i, step in enumerate(workflow.steps):
        for branch in step.branches:
            key = name_key(branch.target)
            if key not in ids:
                ids[key] = f"u{len(nodes)}"
                nodes.append(f'{ids[key]}["{_label(branch.target, LONGEST_NAME)}"]:::unknown')
            edges.append(f"s{i} {_arrow(step, branch, ids[key])}")
    if len(nodes) > len(workflow.steps):
        edges.append("classDef unknown stroke-dasharray: 5 5")
    return "".join(f"{line}\n" for line in ["flowchart TD", *(f"    {line}" for line in nodes + edges)])


_CLASSES: Final = {
    ChangeKind.ADDED: ("added", "fill:#dcf5e3,stroke:#1a7f37,color:#0b3d1a"),
    ChangeKind.REMOVED: ("removed", "fill:#ffe3e0,stroke:#b42318,color:#6b140c,stroke-dasharray:5 5"),
    ChangeKind.CHANGED: ("changed", "fill:#fff3d1,stroke:#9a6700,color:#4d3300"),
}


def diff_to_mermaid(difference: WorkflowDiff) -> str:
    """Returns the flowchart of the later workflow with what was removed beside it.

    Added steps are green, changed ones yellow, removed ones red and dashed, with the branches that they had.
    """
    later = {name_key(change.after.name): f"s{i}" for i, change in _numbered(difference) if change.after}
    earlier = {name_key(change.before.name): f"s{i}" for i, change in _numbered(difference) if change.before}
    nodes: list[str] = []
    edges: list[str] = []
    for i, change in _numbered(difference):
        step = change.after or change.before
        if step is None:
            continue
        name, _ = _CLASSES.get(change.kind, ("", ""))
        nodes.append(f"s{i}{_node(step)}{f':::{name}' if name else ''}")
        ids = later if change.after else earlier
        edges += [
            f"s{i} {_arrow(step, branch, ids[name_key(branch.target)])}"
            for branch in step.branches
            if name_key(branch.target) in ids
        ]
    styles = [f"classDef {name} {style}" for name, style in _CLASSES.values()]
    return "".join(
        f"{line}\n" for line in ["flowchart TD", *(f"    {line}" for line in nodes + edges + styles)]
    )


def _numbered(difference: WorkflowDiff) -> Iterable[tuple[int, StepChange]]:
    return enumerate(difference.steps)


def _arrow(step: Step, branch: Branch, target: str) -> str:
    arrow = "-.->" if target.startswith("u") else "-->"
    if step.type is StepType.PROCESS and name_key(branch.label) == NEXT_LABEL:
        return f"{arrow} {target}"
    return f'{arrow}|"{_label(branch.label, LONGEST_NAME)}"| {target}'


def _node(step: Step) -> str:
    opening, closing = _SHAPES[step.type]
    name = _label(step.name, LONGEST_NAME)
    instruction = _label(step.instruction, LONGEST_INSTRUCTION)
    text = f"{name}<br/>{instruction}" if instruction else name
    return f'{opening}"{text}"{closing}'


def _label(text: str, max_chars: int) -> str:
    text = _SPACES.sub(" ", text)
    shown = text if len(text) <= max_chars else f"{text[: max_chars - 1].rstrip(' ')}…"
    label, at = "", 0
    for line in textwrap.wrap(shown, _LINE_CHARS, break_on_hyphens=False):
        label += ("<br/>" if shown[at : at + 1] == " " else "<br>") if at else ""
        label += _escaped(line)
        at = shown.index(line, at) + len(line)
    return label


def _escaped(line: str) -> str:
    marker = _LIST_MARKER.match(line)
    safe_from = marker.end() if marker else 0
    return "".join(
        char if char.isalnum() or (i >= safe_from and char in _HARMLESS) else f"#{ord(char)};"
        for i, char in enumerate(line)
    )
