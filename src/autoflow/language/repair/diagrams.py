"""Reads the workflow that a Mermaid flowchart draws.

A node with no way on ends the workflow, a diamond and a node with several ways decide, and every other is a
process. What ``autoflow.language.mermaid`` drew is read as the workflow that it came from, but for spaces in
a row, unless a text was cut short: then the flowchart is refused, for it does not hold all that is needed.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.mermaid import LONGEST_INSTRUCTION, LONGEST_NAME
from autoflow.language.model import NEXT_LABEL, StepType
from autoflow.language.repair.branches import Pairs, other_half
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.flowcharts import Arrow, Flowchart
from autoflow.language.repair.lines import written
from autoflow.language.repair.source import SourceLine
from autoflow.language.repair.words import means_end

_OWN_TYPES: Final = {"[": StepType.PROCESS, "{": StepType.DECISION, "([": StepType.TERMINAL}
_DIAMONDS: Final = frozenset({"{", "{{"})
_BREAK = re.compile(r"<br ?/?>|\n", re.IGNORECASE)
_TAG = re.compile(r"</?(?:b|i|em|strong|small|u)>|\*\*", re.IGNORECASE)
_ENTITY = re.compile(r"#(?=(\d|[a-z])\w{0,8};)")
_OWN_LINE = re.compile(
    r's\d+(?:\["[^"]*"\]|\{"[^"]*"\}|\(\["[^"]*"\]\))|u\d+\["[^"]*"\]:::unknown|classDef unknown .*'
    r'|s\d+ (?:-->|-\.->)(?:\|"[^"]*"\|)? [su]\d+'
)
_NAMED = re.compile(
    r"(step {1,4}\d{1,4})(?: {0,4}(?:[:.\u2013\u2014-]|\n) {0,4}(.+))?", re.IGNORECASE | re.DOTALL
)
_BEGINS: Final = frozenset({"start", "begin", "start here"})


def steps_of_chart(text: str, chart: Flowchart, changes: Changes) -> list[SourceLine]:
    """Returns the lines of the steps that a flowchart draws; none if it has no node.

    Raises:
        Refusal: A label is cut short, or it is not told where the workflow begins.
    """
    reader = _OwnReader(chart) if _is_own(text, chart) else _Reader(chart, changes)
    lines = [SourceLine(chart.nodes[id_].line, reader.step(id_)) for id_ in reader.order]
    if lines:
        message = "The steps are read from a flowchart, and their types from its shapes and arrows."
        changes.add("read-diagram", chart.line, message)
    return lines


class _Reader:
    """Reads steps from a flowchart that someone drew."""

    def __init__(self, chart: Flowchart, changes: Changes) -> None:
        self._nodes = chart.nodes
        self._changes = changes
        self._ways: dict[str, list[Arrow]] = {id_: [] for id_ in chart.nodes}
        for arrow in chart.arrows:
            self._ways[arrow.source].append(arrow)
        self.order = self._ordered(list(chart.nodes), {arrow.target for arrow in chart.arrows})
        self._names = {id_: self._named(id_)[0] for id_ in chart.nodes}

    def step(self, id_: str) -> str:
        """Returns the line of a step."""
        node, branches = self._nodes[id_], self._branches(id_)
        type_ = StepType.PROCESS if branches else StepType.TERMINAL
        if len(branches) > 1 or node.shape in _DIAMONDS:
            type_ = StepType.DECISION
        instruction = self._named(id_)[1]
        if type_ is StepType.TERMINAL and means_end(instruction):
            instruction = ""
        return written(self._names[id_], type_, instruction, branches)

    def _named(self, id_: str) -> tuple[str, str]:
        """Returns the name and the instruction of a node."""
        text = _text(self._nodes[id_].label) or id_
        found = _NAMED.fullmatch(text)
        if found:
            return found[1], (found[2] or "").replace("\n", " ")
        return (f"Step {id_}" if id_.isdecimal() else id_), text.replace("\n", " ")

    def _ordered(self, ids: list[str], led_to: set[str]) -> list[str]:
        """Returns the nodes, the one where the workflow begins first."""
        first = [id_ for id_ in ids if id_ not in led_to and self._ways[id_]]
        if len(first) > 1:
            line = self._nodes[first[1]].line
            raise Refusal(
                "unreachable-step", line, f"Nothing leads to {quoted(first[0])} nor to {quoted(first[1])}."
            )
        if not first:
            return ids
        start, (way, *further) = first[0], self._ways[first[0]]
        says_nothing = _text(self._nodes[start].label or start).casefold() in _BEGINS
        if not says_nothing or further or way.label:
            return [start, *(id_ for id_ in ids if id_ != start)]
        message = f"{quoted(start)} only says where the workflow begins."
        self._changes.add("removed-step", self._nodes[start].line, message)
        return [way.target, *(id_ for id_ in ids if id_ not in {start, way.target})]

    def _branches(self, id_: str) -> Pairs:
        ways = self._ways[id_]
        labels = [_text(way.label).replace("\n", " ") for way in ways]
        if len(labels) == 2 and "" in labels:
            told = labels[labels.index("") - 1]
            other = other_half(told)
            if other:
                labels[labels.index("")] = other
                message = f"The way beside {quoted(told)} is labelled {quoted(other)}."
                self._changes.add("relabelled-branch", ways[0].line, message)
        return [
            (label or NEXT_LABEL, self._names[way.target]) for label, way in zip(labels, ways, strict=True)
        ]


class _OwnReader(_Reader):
    """Reads a flowchart that this language's own writer drew."""

    def __init__(self, chart: Flowchart) -> None:
        super().__init__(chart, Changes())

    def step(self, id_: str) -> str:
        """Returns the line of a step."""
        node = self._nodes[id_]
        return written(self._names[id_], _OWN_TYPES[node.shape], self._named(id_)[1], self._branches(id_))

    def _named(self, id_: str) -> tuple[str, str]:
        node = self._nodes[id_]
        name, _, instruction = node.label.partition("<br/>")
        # The writer breaks a line at a space by one tag, and a long word by the other.
        name = _whole(node.line, _decoded(name.replace("<br>", "")), LONGEST_NAME)
        instruction = _decoded(instruction.replace("<br/>", " ").replace("<br>", ""))
        return name, _whole(node.line, instruction, LONGEST_INSTRUCTION)

    def _branches(self, id_: str) -> Pairs:
        branches = []
        for way in self._ways[id_]:
            label = _decoded(way.label.replace("<br/>", " ").replace("<br>", ""))
            branches.append((_whole(way.line, label, LONGEST_NAME) or NEXT_LABEL, self._names[way.target]))
        return branches

    def _ordered(self, ids: list[str], led_to: set[str]) -> list[str]:
        return [id_ for id_ in ids if id_[0] == "s"]


def _is_own(text: str, chart: Flowchart) -> bool:
    """Whether a flowchart is written as ``to_mermaid`` writes it."""
    header, *lines = text[chart.start : chart.end].strip().splitlines()
    ids = [id_ for id_ in chart.nodes if id_[0] == "s"]
    return (
        header == "flowchart TD"
        and ids == [f"s{i}" for i in range(len(ids))]
        and all(chart.nodes[id_].shape in _OWN_TYPES for id_ in ids)
        and all(_OWN_LINE.fullmatch(line.strip()) for line in lines if line.strip())
    )


def _whole(line: int, text: str, longest: int) -> str:
    """Returns a text unless the writer cut it short.

    Raises:
        Refusal: It did.
    """
    # A space before the cut is left out.
    if text.endswith("…") and len(text) >= longest - 1:
        raise Refusal("not-a-step", line, f"{quoted(text)} is cut short.")
    return text


def _decoded(text: str) -> str:
    """Returns a label with its entities, written with `#` or `&`, as characters."""
    return unescape(_ENTITY.sub(lambda found: "&#" if found[1].isdecimal() else "&", text))


def _text(label: str) -> str:
    """Returns the text of a label, without its markup; line feeds stay."""
    lines = _decoded(_TAG.sub("", _BREAK.sub("\n", label))).split("\n")
    return "\n".join(text for line in lines if (text := line.strip()))
