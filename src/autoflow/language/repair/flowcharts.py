"""Reads the nodes and arrows of a Mermaid flowchart.

Left out: what only lays a flowchart out, such as styles and the frames of subgraphs. Links that point nowhere
or both ways are refused. Every pattern here takes linear time; a line that cannot be read ends the reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from autoflow.language.diagnostics import quoted
from autoflow.language.repair.changes import Refusal
from autoflow.language.repair.source import is_fence

_HEADER = re.compile(
    r"^[ \t]*(?:flowchart|graph)(?:[ \t]+(?:TD|TB|BT|LR|RL)\b[ \t]*;?|[ \t]*;?[ \t]*$)",
    re.MULTILINE | re.IGNORECASE,
)
_LAYOUT = re.compile(r"(?:classDef|class|style|linkStyle|click|direction|subgraph|end|accTitle|accDescr)\b")
_ID = re.compile(r"\s*(\w+(?:[.-]\w+)*)")
_SHAPES: Final = {
    "(((": ")))", "([": "])", "((": "))", "[[": "]]", "[(": ")]", "{{": "}}", "[/": "/]", "[\\": "\\]",
    "[": "]", "(": ")", "{": "}", ">": "]",
}  # fmt: skip
_GAP = re.compile(r"[\s;]*")
_CLASS = re.compile(r":::[\w-]+")
_HEAD: Final = r"(?:-{1,4}|={1,4}|\.{1,3}-)>"
_LINK = re.compile(
    rf"\s*(?:-(?:-{{1,4}}|\.{{1,3}}-)>|={{2,4}}>)(?:\s*\|(?P<between>[^|]*)\|)?"
    rf"|\s*(?:--|==|-\.)\s*(?P<within>[^\s\"<>|=.-][^\"<>|]{{0,200}}?|\"[^\"]*\")\s{{0,4}}{_HEAD}"
)
_MOST_TOGETHER: Final = 16
"""Of nodes that stand in a row with `&`; each of them leads to each that follows."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node, as it was first drawn."""

    line: int
    """Line of the text, from 1."""
    shape: str
    """The brackets that open its label; empty where it has none."""
    label: str
    """Its label as it is written, without quotes; empty where it has none."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """An arrow from one node to another."""

    line: int
    source: str
    label: str
    target: str


@dataclass(slots=True)
class Flowchart:
    """A flowchart as far as it was read."""

    start: int
    """Where it begins in the text."""
    line: int
    """The line where it begins, from 1."""
    end: int = 0
    """Where it ends in the text."""
    nodes: dict[str, Node] = field(default_factory=dict)
    """By their identifiers, as they first occur."""
    arrows: list[Arrow] = field(default_factory=list)

    def declare(self, name: str, node: Node) -> None:
        """Adds a node, or the label of one that was named before without."""
        known = self.nodes.get(name)
        if known is None:
            self.nodes[name] = node
        elif node.shape and not known.shape:
            self.nodes[name] = Node(known.line, node.shape, node.label)


def find_flowchart(text: str) -> Flowchart | None:
    """Returns the first flowchart of a text, read no further than its header, or None if there is none."""
    header = _HEADER.search(text)
    if header is None:
        return None
    return Flowchart(header.start(), text.count("\n", 0, header.start()) + 1, header.end())


def read_flowchart(text: str, chart: Flowchart) -> None:
    """Reads a flowchart to its end: a fence, the end of the text, or what is none behind a blank line.

    Raises:
        Refusal: A line of it cannot be read.
    """
    blank = False
    for number, line in enumerate(text[chart.end :].split("\n"), start=text.count("\n", 0, chart.end) + 1):
        if is_fence(line) or _HEADER.match(line):
            break
        plain = line.partition("%%")[0].strip()
        if plain and not _LAYOUT.match(plain):
            read = _StatementReader(chart, number).read(plain)
            if not read and blank:
                break
            if not read:
                raise Refusal("not-a-step", number, f"{quoted(plain)} is no node or arrow that can be read.")
        blank = not plain and number > chart.line
        chart.end += len(line) + 1
    chart.end = min(chart.end, len(text))


class _StatementReader:
    """Reads the statements of one line.

    Args:
        chart: What its nodes and arrows are added to, if all of the line is read.
        number: The line, from 1.
    """

    def __init__(self, chart: Flowchart, number: int) -> None:
        self._chart = chart
        self._number = number
        self._nodes: list[tuple[str, Node]] = []
        self._arrows: list[Arrow] = []

    def read(self, text: str) -> bool:
        """Reads a line, and says whether all of it was read."""
        at = 0
        while at < len(text):
            after = self._statement(text, at)
            if after is None:
                return False
            gap = _GAP.match(text, after)
            at = gap.end() if gap else len(text)
            if at == after < len(text):
                return False
        for name, node in self._nodes:
            self._chart.declare(name, node)
        self._chart.arrows += self._arrows
        return True

    def _statement(self, text: str, at: int) -> int | None:
        """`A & B --> C --> D`; returns where it ends."""
        start, group = at, self._group(text, at)
        while group is not None:
            sources, at = group
            link = _LINK.match(text, at)
            if link is None:
                # A word by itself is none, though Mermaid reads it so.
                return at if at > start + len(sources[-1]) else None
            group = self._group(text, link.end())
            if group is not None:
                label = (link["between"] or link["within"] or "").strip().strip('"').strip()
                self._arrows += (
                    Arrow(self._number, source, label, target) for source in sources for target in group[0]
                )
        return None

    def _group(self, text: str, at: int) -> tuple[list[str], int] | None:
        names: list[str] = []
        while len(names) < _MOST_TOGETHER:
            found = self._node(text, at)
            if found is None:
                return None
            name, at = found
            names.append(name)
            rest = text[at : at + 3].lstrip()
            if not rest.startswith("&"):
                return names, at
            at = text.index("&", at) + 1
        return None

    def _node(self, text: str, at: int) -> tuple[str, int] | None:
        found = _ID.match(text, at)
        if found is None:
            return None
        at = found.end()
        node = Node(self._number, "", "")
        opening = next((each for each in _SHAPES if text.startswith(each, at)), None)
        if opening:
            label = _label(text, at + len(opening), _SHAPES[opening])
            if label is None:
                return None
            node = Node(self._number, opening, label[0])
            at = label[1]
        self._nodes.append((found[1], node))
        class_ = _CLASS.match(text, at)
        return found[1], class_.end() if class_ else at


def _label(text: str, at: int, closing: str) -> tuple[str, int] | None:
    """Returns the label that begins at a place, and where the node ends."""
    plain = text.find(closing, at)
    if not text.startswith('"', at):
        return (text[at:plain].strip(), plain + len(closing)) if plain >= 0 else None
    quote = text.find('"', at + 1)
    if quote < 0 or not text.startswith(closing, quote + 1):
        return None
    return text[at + 1 : quote].strip("`").strip(), quote + 1 + len(closing)
