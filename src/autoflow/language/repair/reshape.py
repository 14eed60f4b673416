"""First stage of a repair: writes what models write instead of steps as lines that the parser reads.

Works line by line, and leaves alone what it does not recognise: the parser then tells what is wrong with it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from autoflow.language._layout import read_type
from autoflow.language.diagnostics import quoted
from autoflow.language.fields import BRANCH_SEPARATOR, FIELD_SEPARATOR, plain_name
from autoflow.language.model import NEXT_LABEL
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.words import means_end, read_type_word

_BREAK = re.compile("\r\n|\n|\r")
# Only where a text begins: models think first, and so it takes linear time.
_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_WIDE_COLON = re.compile("[\uff1a\ufe55]")
_SPACED = re.compile(r":(?: ?:){2}")
_LIKE_FIELDS = ("::", "|||", "||", "|", "\t", ";;;", ";", " - ", " \u2013 ", " — ", ":")
_PROSE = re.compile(
    r"(?P<name>[^()\[\]:]{1,60}?)[:.]?"
    r" *[(\[] *(?P<type>[^()\[\]]{1,30}?) *[)\]] *[:.\u2013\u2014-]? *(?P<body>.+)"
)
_ARROW = re.compile(r" *(?:-+>|=+>|→|⇒) *")
_PAIR = re.compile(r" *(?:-+>|=+>|→|⇒|=|:) *")
_LIST = re.compile(r" *[,;|/] *")
_NUMBERED = re.compile(r"step +\d{1,4}", re.IGNORECASE)
_WRAPPED: Final = ('""', "''", "<>", "[]", "()")


class SourceLine(NamedTuple):
    """A line to parse."""

    number: int
    """Line of the source text that it comes from, from 1."""
    text: str


def reshape(text: str, changes: Changes) -> list[SourceLine]:
    """Returns the lines to parse, each with its place in the source; tells what it changed."""
    shaped: list[SourceLine] = []
    for line in _lines(text, changes):
        read = _Line(line, len(shaped), changes).read()
        if shaped and _continues(shaped[-1].text, read.text):
            changes.add("joined-line", line.number, f"{quoted(read.text)} is joined to the line before it.")
            shaped[-1] = SourceLine(shaped[-1].number, _joined(shaped[-1].text, read.text))
        else:
            shaped.append(read)
    return shaped


def is_step(text: str) -> bool:
    """Whether the second field of a line is a type."""
    fields = text.split(FIELD_SEPARATOR, 2)
    return len(fields) > 1 and read_type(fields[1]) is not None


def _lines(text: str, changes: Changes) -> list[SourceLine]:
    def blank(found: re.Match[str]) -> str:
        line = len(_BREAK.findall(text, 0, found.start())) + 1
        changes.add("removed-thinking", line, "What stands in `<think>` tags is left out.")
        return "\n" * len(_BREAK.findall(found.group()))

    lines: list[SourceLine] = []
    for number, line in enumerate(_BREAK.split(_THINKING.sub(blank, text)), start=1):
        parts = line.split("\\n") if line.count(FIELD_SEPARATOR) > 2 else [line]
        if len([part for part in parts if part.strip()]) > 1:
            changes.add("split-line", number, "Several steps on one line are given lines of their own.")
        lines += (SourceLine(number, part) for part in parts)
    return lines


class _Line:
    def __init__(self, line: SourceLine, position: int, changes: Changes) -> None:
        self._number, self._text = line
        self._position = position + 1
        self._changes = changes

    def read(self) -> SourceLine:
        text = self._text.strip()
        if text and not text.startswith("```"):
            text = self._unquoted(self._colons(text))
            if not is_step(text):
                text = self._words(text) or self._separated(text) or self._prose(text) or text
            if is_step(text):
                text = self._branches(text)
        return SourceLine(self._number, text)

    def _colons(self, text: str) -> str:
        plain = _SPACED.sub(FIELD_SEPARATOR, _WIDE_COLON.sub(":", text))
        if plain != text:
            self._tell("read-separators", "Full-width or spaced colons are read as separators.")
        return plain

    def _unquoted(self, text: str) -> str:
        """Without the quotes of a list of strings, or brackets around each field."""
        bare = text.rstrip(",;").rstrip()
        if len(bare) > 1 and bare[0] + bare[-1] in _WRAPPED[:2] and FIELD_SEPARATOR in bare:
            self._tell("read-quotes", "Quotes around the line are left out.")
            return bare[1:-1]
        fields = text.split(FIELD_SEPARATOR)
        wrapped = [len(field) > 2 and field[0] + field[-1] in _WRAPPED for field in fields]
        if len(fields) > 2 and wrapped[1]:
            self._tell("read-quotes", "Quotes or brackets around fields are left out.")
            fields = [field[1:-1] if wrap else field for field, wrap in zip(fields, wrapped, strict=True)]
        return FIELD_SEPARATOR.join(fields)

    def _words(self, text: str) -> str | None:
        """A line with the right separators, whose type is misspelt, misplaced or missing."""
        fields = [field.strip() for field in text.split(FIELD_SEPARATOR, 3)]
        if len(fields) < 2:
            return None
        first = read_type(fields[0])
        if first is not None and _NUMBERED.fullmatch(plain_name(fields[1])):
            self._tell("swapped-fields", "The type before the name is put behind it.")
            return FIELD_SEPARATOR.join([fields[1], first.value, *fields[2:]])
        if first is not None or (not fields[0] and read_type(fields[1])):
            name = f"Step {self._position}"
            self._tell("added-name", f"The step is named {quoted(name)} by its place.")
            return FIELD_SEPARATOR.join([name, *(fields if first else fields[1:])])
        type_ = read_type_word(fields[1])
        if type_ is None or len(fields) < 3:
            return None
        self._tell("read-type", f"The type {quoted(fields[1])} is read as {type_}.")
        return FIELD_SEPARATOR.join([fields[0], type_.value, *fields[2:]])

    def _separated(self, text: str) -> str | None:
        """A line with another separator throughout."""
        for separator in _LIKE_FIELDS:
            if FIELD_SEPARATOR in text or separator not in text:
                continue
            fields = [field.strip() for field in text.strip("| ").split(separator)]
            type_ = read_type(fields[1]) if len(fields) > 2 else None
            if type_ is None or (len(fields) % 2 == 0 and len(fields) > 4):
                continue
            self._tell("read-separators", f"{quoted(separator)} is read as the separator.")
            branches = BRANCH_SEPARATOR.join(fields[3:])
            return FIELD_SEPARATOR.join(
                [fields[0], type_.value, fields[2], *([branches] if branches else [])]
            )
        return None

    def _prose(self, text: str) -> str | None:
        """`Step 1 (process): instruction -> Step 2`."""
        found = _PROSE.fullmatch(text)
        type_ = read_type_word(found["type"]) if found else None
        if found is None or type_ is None or FIELD_SEPARATOR in text:
            return None
        self._tell("read-prose", "A step is read from prose.")
        name = plain_name(found["name"] + " ") or f"Step {self._position}"
        instruction, *rest = _ARROW.split(found["body"], maxsplit=1)
        return FIELD_SEPARATOR.join([name, type_.value, instruction.strip(), *rest])

    def _branches(self, text: str) -> str:
        head, branches = _split_branches(text)
        if not branches or BRANCH_SEPARATOR in branches:
            return text
        pairs = [_PAIR.split(piece, maxsplit=1) for piece in _LIST.split(branches.strip())]
        if branches.strip().casefold() == NEXT_LABEL:
            pairs = [[NEXT_LABEL, NEXT_LABEL]]
        elif (
            len(pairs) == 1 and means_end(branches) and read_type(text.split(FIELD_SEPARATOR)[1]) == "process"
        ):
            pairs = [[NEXT_LABEL, branches.strip()]]
        if not all(len(pair) == 2 and all(pair) for pair in pairs):
            return text
        self._tell("read-branches", f"{quoted(branches.strip())} is read as branches.")
        return FIELD_SEPARATOR.join(
            [head, BRANCH_SEPARATOR.join(BRANCH_SEPARATOR.join(pair) for pair in pairs)]
        )

    def _tell(self, code: str, message: str) -> None:
        self._changes.add(code, self._number, message)


def _split_branches(text: str) -> tuple[str, str]:
    fields = text.split(FIELD_SEPARATOR, 3)
    return FIELD_SEPARATOR.join(fields[:3]), fields[3] if len(fields) > 3 else ""


def _continues(before: str, text: str) -> bool:
    """Whether a line holds the branches, or the end, of the step before it, which has none yet."""
    if not is_step(before) or is_step(text) or _split_branches(before)[1]:
        return False
    if text.lstrip(":").startswith(f"{NEXT_LABEL}::"):
        return True
    head, separator, rest = text.partition(FIELD_SEPARATOR)
    return bool(separator) and BRANCH_SEPARATOR in rest and not _NUMBERED.fullmatch(plain_name(head))


def _joined(before: str, text: str) -> str:
    if text.lstrip(":").startswith(f"{NEXT_LABEL}::"):
        return f"{before.rstrip(':')}{FIELD_SEPARATOR}{text.lstrip(':')}"
    return f"{before.rstrip()} {text}"
