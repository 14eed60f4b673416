"""Reads workflows in XML, or nearly: steps as elements, their fields as attributes, elements or text.

It reads tags and not documents: namespaces, declarations and entities of a document's own are left out, so that
no entity can grow. Tags of HTML stand for layout and are no elements.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Final

from autoflow.language._layout import read_type
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.keyed import BRANCHES, LABEL, NAME, TARGET, TYPE, key_kind
from autoflow.language.repair.lines import is_step
from autoflow.language.repair.objects import Object, steps_of
from autoflow.language.repair.source import HTML_TAGS, SourceLine, numbered_lines

_ATTRIBUTES: Final = r"""(?:\s{1,40}[\w:.-]{1,40} ?= ?(?:"[^"<]{0,4000}"|'[^'<]{0,4000}'))*"""
_MARKUP = re.compile(
    rf"<(?P<end>/?)(?!(?:{HTML_TAGS})[\s/>])(?P<tag>[A-Za-z_][\w.-]{{0,40}})(?P<attributes>{_ATTRIBUTES})\s{{0,40}}"
    r"(?P<empty>/?)>"
    r"|<!\[CDATA\[(?P<data>[^<]*(?:<(?!!\[CDATA\[)[^<]*?)*?)\]\]>"
    r"|<(?:\?[^<>]*\?|!--[^<]*--|!DOCTYPE[^<>]*)>",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"""([\w:.-]+) ?= ?(?:"([^"]*)"|'([^']*)')""")
_NUMBERED_TAG = re.compile(r"(step)[_-]?(\d{1,4})", re.IGNORECASE)
_MOST_DEPTH: Final = 16


@dataclass(slots=True)
class _Element:
    """An element as far as it was read."""

    tag: str
    line: int
    values: dict[str, Any] = field(default_factory=dict)
    """Its attributes, and its elements by their tags."""
    text: list[str] = field(default_factory=list)

    def add(self, key: str, value: Any) -> None:
        """Adds a field; of one key there may be several, and what is no text may be one of several."""
        if key in self.values or not isinstance(value, str):
            before = self.values.get(key, [])
            self.values[key] = [*(before if isinstance(before, list) else [before]), value]
        else:
            self.values[key] = value

    def value(self) -> Any:
        """Returns the text of an element that holds nothing else; any other is an object."""
        text = unescape(" ".join("".join(self.text).split()))
        kind = key_kind(self.tag, BRANCHES)
        if not self.values and not (type_ := read_type(self.tag)) and not _NUMBERED_TAG.fullmatch(self.tag):
            return text
        if text:
            has_target = any(key_kind(key, TARGET) for key in self.values)
            self.values.setdefault((LABEL if has_target else TARGET) if kind else "instruction", text)
        if (type_ := read_type(self.tag)) and not any(key_kind(key, TYPE) for key in self.values):
            self.values["type"] = type_.value
        numbered = _NUMBERED_TAG.fullmatch(self.tag)
        if numbered and not any(key_kind(key, NAME) for key in self.values):
            self.values["name"] = f"{numbered[1]} {numbered[2]}"
        return Object(self.line, self.values)
