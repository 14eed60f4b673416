"""Reads workflows in XML, or nearly: steps as elements, their fields as attributes, elements or text.

It goes by the tags: what a document type declares is left out, so that no entity can grow. Tags of HTML stand
for layout and are no elements. Every pattern here takes linear time, for none runs past the following tag.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

from autoflow.language._layout import read_type
from autoflow.language.diagnostics import quoted
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.keyed import BRANCHES, LABEL, NAME, TARGET, TYPE, key_kind
from autoflow.language.repair.objects import cut_steps_of, placed, steps_of
from autoflow.language.repair.source import HTML_TAGS, SourceLine
from autoflow.language.repair.values import Object

_ATTRIBUTES: Final = r"""(?:\s{1,80}[\w:.-]{1,40} ?= ?(?:"[^"<]*"|'[^'<]*'))*"""
_MARKUP = re.compile(
    rf"<(?P<end>/?)(?!(?:{HTML_TAGS})[\s/>])(?P<tag>[A-Za-z_][\w.-]{{0,40}})(?P<attributes>{_ATTRIBUTES})"
    r"\s{0,80}(?P<empty>/?)>"
    r"|<!\[CDATA\[(?P<data>[^<\]]*)\]\]>"
    r"|<(?:\?|!--|!DOCTYPE)[^<>]*>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([\w:.-]+) ?= ?(?:"([^"]*)"|'([^']*)')""")
_NUMBERED = re.compile(r"(step)[_-]?(\d{1,4})", re.IGNORECASE)
_MOST_DEPTH: Final = 16


def read_markup(text: str, changes: Changes) -> list[SourceLine] | None:
    """Returns the lines of a text with the steps of the XML that it holds, or None if it holds none.

    Raises:
        Refusal: XML with steps is cut off, and not behind whole steps at the end of the text.
    """
    reader = _Reader(text)
    told = Changes()
    steps = steps_of(reader.roots(), text.count("\n", 0, max(reader.start, 0)) + 1, told, lone_texts=False)
    if not steps:
        return None
    form, end = "XML", reader.end
    if reader.is_cut:
        told = Changes()
        form, end = "XML that is cut off", len(text.rstrip())
        steps = _cut_steps(text, reader, told)
    message = f"The steps are read from {form}; what else it holds is left out."
    lines = placed(text, slice(reader.start, end), steps, message, changes)
    if lines is not None:
        changes.take(told)
    return lines


def _cut_steps(text: str, reader: _Reader, changes: Changes) -> list[SourceLine]:
    """Returns the lines of the steps before the one that the end of a text cuts off.

    Raises:
        Refusal: Something else is cut off, or the text goes on behind it.
    """
    rest = text[reader.end :].strip()
    line = text.count("\n", 0, len(text.rstrip())) + 1
    told = Changes()
    steps = [] if "\n" in rest else cut_steps_of([*reader.roots(), Object(line, {}, cut=True)], told)
    if not steps:
        raise Refusal("no-steps", line, "The XML ends before it is closed.")
    if rest and not any(found.code == "removed-step" for found in told.made()):
        code = "removed-step" if rest[1:2].isalpha() and rest.startswith("<") else "removed-line"
        changes.add(code, line, f"{quoted(rest)} is cut off before it ends and left out.")
    changes.take(told)
    changes.cut_line = line
    return steps


@dataclass(slots=True)
class _Element:
    """An element as far as it was read."""

    tag: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    """Its attributes, and its elements by their tags."""
    texts: list[str] = field(default_factory=list)
    is_cut: bool = False
    """Whether the text ends before it is closed."""

    def add(self, key: str, value: Any) -> None:
        """Adds a field; of one key there may be several, and what is no text may be one of several."""
        if isinstance(value, str) and key not in self.values:
            self.values[key] = value
            return
        before = self.values.get(key, [])
        self.values[key] = [*(before if isinstance(before, list) else [before]), value]

    def value(self) -> Any:
        """Returns the text of an element that holds nothing else, and the elements of a list of branches."""
        text = unescape("".join(self.texts)).strip()
        type_, number = read_type(self.tag), _NUMBERED.fullmatch(self.tag)
        if not (self.values or type_ or number):
            return text
        leads_on = key_kind(self.tag, BRANCHES) is not None
        if (
            leads_on
            and len(self.values) == 1
            and isinstance(listed := next(iter(self.values.values())), list)
        ):
            return listed
        if text:
            self.add((LABEL if self._has(TARGET) else TARGET) if leads_on else "text", text)
        if type_ and not self._has(TYPE):
            self.values["type"] = type_.value
        if number and not self._has(NAME):
            self.values["name"] = f"{number[1]} {number[2]}"
        return Object(self.line, self.values, self.is_cut)

    def _has(self, kind: str) -> bool:
        return any(key_kind(key, kind) for key in self.values)


class _Reader:
    """Reads the elements of a text; one that is not closed ends with the text.

    Args:
        text: The text.
    """

    def __init__(self, text: str) -> None:
        self._open = [_Element("", 1)]
        """The elements that are not closed, within one that stands for the text."""
        self.start = -1
        """Where the first element begins."""
        self.end = 0
        """Where the last tag ends."""
        line = 1
        for found in _MARKUP.finditer(text):
            line += text.count("\n", self.end, found.start())
            self._open[-1].texts.append(text[self.end : found.start()])
            if self.start < 0 and found["tag"]:
                self.start = found.start()
            self._take(found, line)
            line += found.group().count("\n")
            self.end = found.end()
        last = text[text.rfind("<") :] if "<" in text else ""
        self.is_cut = len(self._open) > 1 or (last[1:2].isalpha() and ">" not in last)
        while len(self._open) > 1:
            self._open[-1].is_cut = True
            self._close()

    def roots(self) -> list[Any]:
        """Returns the elements that are within no other."""
        return [
            each
            for values in self._open[0].values.values()
            for each in (values if isinstance(values, list) else [values])
        ]

    def _take(self, found: re.Match[str], line: int) -> None:
        tag = found["tag"]
        if not tag:
            self._open[-1].texts.append(found["data"] or "")
        elif not found["end"]:
            element = _Element(tag, line)
            for key, double, single in _ATTRIBUTE.findall(found["attributes"]):
                element.add(key, unescape(double or single))
            self._open.append(element)
            if found["empty"] or len(self._open) > _MOST_DEPTH:
                self._close()
        elif any(element.tag == tag for element in self._open):
            while self._open[-1].tag != tag:
                self._close()
            self._close()

    def _close(self) -> None:
        element = self._open.pop()
        self._open[-1].add(element.tag, element.value())
