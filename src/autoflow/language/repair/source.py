"""What stands around or within a text and is no part of it: thinking, markup, invisible characters.

Every line that is left keeps its number in the source text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Final

from autoflow.language.fields import FIELD_SEPARATOR
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.running import parted

LINE_BREAK = re.compile("\r\n|\n|\r")
# Only where a text begins: models think first, and so it takes linear time.
_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
# Joiners are left alone: Persian, Hindi and emoji are spelt with them.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u2060\ufeff]")
HTML_TAGS: Final = "a|b|body|br|code|div|em|h[1-6]|html|i|li|ol|p|pre|section|span|strong|u|ul"
"""Names of tags that lay a text out."""
_TAG = re.compile(rf"</?(?:{HTML_TAGS})(?: [^<>]{{0,200}})?>", re.IGNORECASE)
# Within a line such a tag is a word of the instruction.
_WRAPPED = re.compile(
    r"\s*<(?P<tag>answer|output|response|result|steps?|workflow)>(?P<text>[^<]*)(?:</(?P=tag)>\s*)?",
    re.IGNORECASE,
)
_LINE_TAG = re.compile(r"<br ?/?>|</(?:p|li|div)>(?=.)", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:amp|gt|lt|quot|nbsp|rarr|#39|#x27);")
_ASSIGNED = re.compile(r"\A\s*[A-Za-z_]\w{0,40} *= *[rfRF]?(?:\"\"\"|''')\\?")
_PRINTED = re.compile(r"\s*(?:print|echo|console\.log)\s?\(?\s?([\"'`])(?P<text>[^\"`]*)\1\)?;?\s*")
# Of a listing, or of a change to a file.
_LINE_NUMBER = re.compile(r"\A\s*(?:\d{1,4} ?[|:]|\+) ?(?=(?:\*\*)?step \d)", re.IGNORECASE)
_TRIPLE = ('"""', "'''")
_FENCES: Final = ("```", "~~~")


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of what is to be read."""

    number: int
    """Line of the source text that it comes from, from 1."""
    text: str
    fenced: bool = False
    """Whether it stands within a code fence."""
    outside: bool = False
    """Whether it stands outside the code fence that holds the steps."""

    @property
    def is_fence(self) -> bool:
        """Whether it begins or ends a code fence."""
        return is_fence(self.text)


def is_fence(text: str) -> bool:
    """Whether a line begins or ends a code fence, and says nothing else."""
    return text.lstrip().startswith(_FENCES) and FIELD_SEPARATOR not in text


def joined_text(lines: list[SourceLine]) -> str:
    """Returns the text of some lines."""
    return "".join(f"{line.text}\n" for line in lines)


def lines_around(text: str, part: slice) -> list[SourceLine]:
    """Returns the lines before and behind a part of a text that are not blank."""
    behind = text.count("\n", 0, part.stop) + 1
    lines = [
        *(SourceLine(number, line) for number, line in enumerate(text[: part.start].split("\n"), start=1)),
        *(
            SourceLine(number, line)
            for number, line in enumerate(text[part.stop :].split("\n"), start=behind)
        ),
    ]
    return [line for line in lines if line.text.strip()]


def without_thinking(text: str, changes: Changes) -> str:
    """Returns the text without what stands in `<think>` tags at its beginning; line numbers stay."""

    def blank(found: re.Match[str]) -> str:
        line = len(LINE_BREAK.findall(text, 0, found.start())) + 1
        changes.add("removed-thinking", line, "What stands in `<think>` tags is left out.")
        return "\n" * len(LINE_BREAK.findall(found.group()))

    return _THINKING.sub(blank, text)


def source_lines(text: str, changes: Changes) -> list[SourceLine]:
    """Splits a text into lines; tells what it leaves out of them."""
    lines: list[SourceLine] = []
    fenced = False
    for number, raw in enumerate(LINE_BREAK.split(text), start=1):
        if is_fence(raw):
            fenced = not fenced
            # The parser knows one kind of fence.
            lines.append(SourceLine(number, raw.replace("~~~", "```", 1), fenced))
            continue
        parts = _parts(_without_markup(_visible(raw, number, changes), number, changes))
        if len([part for part in parts if part.strip()]) > 1:
            changes.add("split-line", number, "Several steps on one line are given lines of their own.")
        lines += (SourceLine(number, part, fenced) for part in parts)
    return lines


def _visible(line: str, number: int, changes: Changes) -> str:
    visible = _INVISIBLE.sub("", line)
    if visible != line:
        changes.add("removed-character", number, "Characters that cannot be seen are left out.")
    return visible


def _without_markup(line: str, number: int, changes: Changes) -> str:
    plain = _ENTITY.sub(lambda found: unescape(found.group()), _TAG.sub("", _LINE_TAG.sub("\n", line)))
    plain = _ASSIGNED.sub("", plain)
    plain = _LINE_NUMBER.sub("", plain) if FIELD_SEPARATOR in plain else plain
    printed = _PRINTED.fullmatch(plain) or _WRAPPED.fullmatch(plain)
    plain = printed["text"] if printed else plain
    if plain.strip().startswith(_TRIPLE) or plain.rstrip().endswith(_TRIPLE):
        plain = plain.strip().removeprefix(_TRIPLE[0]).removeprefix(_TRIPLE[1])
        plain = plain.removesuffix(_TRIPLE[0]).removesuffix(_TRIPLE[1])
    if plain != line:
        changes.add(
            "removed-markup", number, "Tags, quotes of a program's text or numbers of lines are left out."
        )
    return plain


def _parts(line: str) -> list[str]:
    return [part for each in line.split("\n") for part in parted(each)]
