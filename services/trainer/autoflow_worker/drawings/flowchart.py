"""A workflow as a flowchart: steps one below the other, with the ways between them.

A way to the step below is a straight arrow; any other one leaves to the right and comes back to its step,
forward ones in front of backward ones. Steps may be marked as added, changed or removed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autoflow.language import ChangeKind, Step, StepType, Workflow, WorkflowDiff
from autoflow_worker.drawings.svg import GREEN, RED, YELLOW, element, picture

_BOX, _LEFT, _GAP, _LINE, _PAD = 420.0, 10.0, 26.0, 15.0, 8.0
_LANE, _LABEL = 15.0, 96.0
_LETTERS, _MOST_LINES, _MOST_LABEL = 62, 8, 14
"""Letters of a line, lines of an instruction, letters of a label beside its way."""
_MARKS = {ChangeKind.ADDED: GREEN, ChangeKind.REMOVED: RED, ChangeKind.CHANGED: YELLOW}


@dataclass(frozen=True, slots=True)
class _Box:
    step: Step
    kind: ChangeKind
    lines: tuple[str, ...]
    top: float

    @property
    def height(self) -> float:
        return _LINE * (1 + len(self.lines)) + 2 * _PAD

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def middle(self) -> float:
        return self.top + self.height / 2


@dataclass(frozen=True, slots=True)
class _Way:
    source: int
    target: int
    label: str


def flowchart(workflow: Workflow) -> Markup:
    """Draws a workflow."""
    return _drawing([(step, ChangeKind.SAME) for step in workflow.steps], "the workflow as a flowchart")


def difference(found: WorkflowDiff) -> Markup:
    """Draws the later workflow with what was removed from the earlier one, changes marked by colour."""
    steps = [(step, change.kind) for change in found.steps if (step := change.after or change.before)]
    return _drawing(steps, "what changed, as a flowchart")


def _drawing(steps: Sequence[tuple[Step, ChangeKind]], label: str) -> Markup:
    boxes: list[_Box] = []
    top = _LEFT
    for step, kind in steps:
        boxes.append(_Box(step, kind, _wrapped(step.instruction), top))
        top = boxes[-1].bottom + _GAP
    ways = list(_ways(boxes))
    lanes = [way for way in ways if way.target != way.source + 1]
    parts = [
        _arrow_head(),
        *(_straight(boxes, way) for way in ways if way.target == way.source + 1),
        *(_around(boxes, way, lane) for lane, way in enumerate(lanes)),
        *(part for box in boxes for part in _box(box)),
    ]
    width = 2 * _LEFT + _BOX + _LANE * (len(lanes) + 1) + (_LABEL if lanes else 0)
    return picture(width, top - _GAP + _LEFT, parts, label=label)


def _wrapped(text: str) -> tuple[str, ...]:
    lines = textwrap.wrap(text, _LETTERS) or [""]
    return (*lines[: _MOST_LINES - 1], "…") if len(lines) > _MOST_LINES else tuple(lines)


def _ways(boxes: Sequence[_Box]) -> Iterator[_Way]:
    """Those of the later workflow; a removed step stands where it stood, without any."""
    there = [index for index, box in enumerate(boxes) if box.kind is not ChangeKind.REMOVED]
    places = {_key(boxes[index].step.name): index for index in reversed(there)}
    for index in there:
        step = boxes[index].step
        for branch in () if step.type is StepType.TERMINAL else step.branches:
            target = places.get(_key(branch.target))
            if target is not None:
                yield _Way(index, target, "" if step.type is StepType.PROCESS else branch.label)


def _key(name: str) -> str:
    return " ".join(name.casefold().split())


def _arrow_head() -> Markup:
    triangle = element("path", d="M0 0 L8 4 L0 8 Z", fill="var(--soft)")
    marker = element(
        "marker",
        triangle,
        id="head",
        viewBox="0 0 8 8",
        refX=7,
        refY=4,
        markerWidth=7,
        markerHeight=7,
        orient="auto-start-reverse",
    )
    return element("defs", marker)


def _straight(boxes: Sequence[_Box], way: _Way) -> Markup:
    x = _LEFT + _BOX / 2
    line = element(
        "line",
        x1=x,
        x2=x,
        y1=boxes[way.source].bottom,
        y2=boxes[way.target].top,
        stroke="var(--soft)",
        marker_end="url(#head)",
    )
    middle = (boxes[way.source].bottom + boxes[way.target].top) / 2
    return Markup("").join([line, _label(way.label, x + 8, middle + 4)])


def _around(boxes: Sequence[_Box], way: _Way, lane: int) -> Markup:
    right = _LEFT + _BOX
    x = right + _LANE * (lane + 1)
    start, end = boxes[way.source].middle + 4, boxes[way.target].middle - 4
    line = element(
        "path",
        d=f"M{right:.1f} {start:.1f} H{x:.1f} V{end:.1f} H{right + 2:.1f}",
        fill="none",
        stroke="var(--soft)",
        marker_end="url(#head)",
    )
    return Markup("").join([line, _label(way.label, x + 4, start + 4)])


def _label(text: str, x: float, y: float) -> Markup:
    shown = text if len(text) <= _MOST_LABEL else f"{text[: _MOST_LABEL - 1]}…"
    return element("text", shown, x=x, y=y, font_size=12, fill="var(--ink)") if text else Markup("")


def _box(box: _Box) -> Iterator[Markup]:
    colour = _MARKS.get(box.kind, "var(--line)")
    marked = box.kind in _MARKS
    yield element(
        "rect",
        element("title", f"{box.kind}: {box.step.text}" if marked else box.step.text),
        x=_LEFT,
        y=box.top,
        width=_BOX,
        height=box.height,
        rx={StepType.TERMINAL: 14, StepType.DECISION: 0}.get(box.step.type, 5),
        fill="var(--card)",
        stroke=colour,
        stroke_width=2 if marked else 1,
        stroke_dasharray="5 4" if box.kind is ChangeKind.REMOVED else None,
    )
    sign = {StepType.DECISION: "◆ ", StepType.TERMINAL: "■ "}.get(box.step.type, "")
    name = box.step.name if len(box.step.name) <= _LETTERS else f"{box.step.name[: _LETTERS - 1]}…"
    y = box.top + _PAD + 11
    yield element(
        "text", sign + name, x=_LEFT + _PAD, y=y, font_size=12, font_weight="600", fill="var(--ink)"
    )
    if marked:
        x = _LEFT + _BOX - _PAD
        yield element("text", box.kind.value, x=x, y=y, text_anchor="end", font_size=11, fill=colour)
    for number, line in enumerate(box.lines, 1):
        yield element("text", line, x=_LEFT + _PAD, y=y + _LINE * number, font_size=12, fill="var(--ink)")
