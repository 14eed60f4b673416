"""Reads one line that is meant as a step, and writes it with the separators that the parser reads.

What is not recognised is left alone: the parser then tells what is wrong with it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from typing import Final

from autoflow.language._layout import read_type
from autoflow.language.diagnostics import quoted
from autoflow.language.fields import BRANCH_SEPARATOR, FIELD_SEPARATOR, name_prefix, plain_field, plain_name
from autoflow.language.model import NEXT_LABEL, StepType
from autoflow.language.repair.branches import (
    Pairs,
    has_arrow,
    means_target,
    read_branches,
    split_instruction,
)
from autoflow.language.repair.changes import Changes
from autoflow.language.repair.source import SourceLine
from autoflow.language.repair.words import means_end, read_type_word

_WIDE_COLON = re.compile("[\uff1a\ufe55]")
_SPACED = re.compile(":(?: :)+")
_COLONS = re.compile(" *:{2,} *")
_LIKE_FIELDS: Final = (
    "|||", "||", "|", "\t", ";;;", ";", " - ", " \u2013 ", " — ", " -> ", " → ", " => ", ":", ","
)  # fmt: skip
_CERTAIN: Final = frozenset({"::", "|||", "||", "|", "\t"})
_PROSE = re.compile(
    r"(?P<name>[^()\[\]:]{0,60}?)[:.]?"
    r" {0,4}[(\[] {0,4}(?P<type>[^()\[\]]{1,30}?) {0,4}[)\]] {0,4}[:.\u2013\u2014-]? {0,4}(?P<body>.+)"
)
_TYPED = re.compile(
    r"(?P<name>[^()\[\]:]{1,60}?) {0,4}[:\u2013\u2014-] {0,4}(?P<type>[A-Za-z]{3,12}) {0,4}:(?P<body>.+)"
)
_NUMBERED = re.compile(r"step {1,4}\d{1,4}", re.IGNORECASE)
_NUMBER = re.compile(r"\(?(\d{1,4})[.)]?")
_UNTYPED = re.compile(
    r"(?P<name>step {0,4}\d{1,4})\*{0,2} {0,4}[:.)\u2013\u2014-]\*{0,2} {1,4}(?P<body>[^\s{\[<|].*)",
    re.IGNORECASE,
)
_MOST_CHARS: Final = 10_000
"""Of a line that is read; a step with as many is beyond the limits."""
_ARROW_CHARS: Final = 5
"""Behind a type in brackets, within which an arrow leaves no place for an instruction."""
_QUOTED: Final = ('""', "''", "\u201c\u201d", "\u2018\u2019")
_WRAPPED: Final = (*_QUOTED, "<>", "[]", "()", "{}")


def is_step(text: str) -> bool:
    """Whether the second field of a line is a type."""
    fields = text.split(FIELD_SEPARATOR, 2)
    return len(fields) > 1 and read_type(fields[1]) is not None


def step_name(text: str) -> str:
    """Returns the name that stands in the first field of a line."""
    return plain_name(text.partition(FIELD_SEPARATOR)[0])


def written(name: str, type_: str, instruction: str, branches: Pairs) -> str:
    """Returns the line of a step whose fields may hold anything."""
    pairs = [plain_field(" ".join(part.split())) for branch in branches for part in branch]
    head = [plain_name(" ".join(name.split())), type_, plain_field(" ".join(instruction.split()))]
    return FIELD_SEPARATOR.join([*head, BRANCH_SEPARATOR.join(pairs)] if pairs else head)


class LineReader:
    """Reads one line.

    Args:
        line: The line.
        position: Of the step among the steps, from 1; it names a step without a name.
        last: Whether it is the last of the text, which may be cut off.
        changes: Where each change is told.
    """

    def __init__(self, line: SourceLine, position: int, changes: Changes, *, last: bool = False) -> None:
        self._line = line
        self._position = position
        self._last = last
        self._changes = changes

    def read(self) -> str:
        """Returns the line as the parser reads it, or nearly as it was."""
        text = self._line.text.strip()
        if not text or self._line.is_fence or len(text) > _MOST_CHARS:
            return text
        text = self._unquoted(self._colons(text))
        if not is_step(text):
            text = self._bare(text)
        if not is_step(text):
            text = self._words(text) or self._separated(text) or self._prose(text) or text
        if not is_step(text):
            return text
        # Without an instruction it is still a step, and says so.
        return self._branches(text if text.count(FIELD_SEPARATOR) > 1 else text + FIELD_SEPARATOR)

    def read_untyped(self) -> str:
        """Returns `Step 1: Plan` as a process; any other line as it is."""
        plain = self._line.text.strip()
        found = _UNTYPED.fullmatch(plain.removeprefix(name_prefix(plain)))
        if not found:
            return plain
        self._tell("added-type", f"{quoted(found['name'])} has no type and is read as a process.")
        return FIELD_SEPARATOR.join([found["name"], StepType.PROCESS, plain_field(found["body"].strip("* "))])

    def _colons(self, text: str) -> str:
        plain = _SPACED.sub(lambda found: found.group().replace(" ", ""), _WIDE_COLON.sub(":", text))
        if plain != text:
            self._tell("read-separators", "Full-width or spaced colons are read as separators.")
        return plain

    def _unquoted(self, text: str) -> str:
        """Without the quotes of a list of strings, or quotes or brackets around each field."""
        bare = text.rstrip(",;").rstrip()
        if len(bare) > 1 and bare[0] + bare[-1] in _QUOTED and FIELD_SEPARATOR in bare:
            inner = bare[1:-1]
            if bare[-1] not in inner and bare[0] not in inner:
                self._tell("read-quotes", "Quotes around the line are left out.")
                return inner
        fields = text.split(FIELD_SEPARATOR, 3)
        wrapped = [i < 3 and _is_wrapped(field) for i, field in enumerate(fields)]
        if len(fields) > 2 and wrapped[1]:
            self._tell("read-quotes", "Quotes or brackets around fields are left out.")
            fields = [
                field.strip()[1:-1] if wrap else field for field, wrap in zip(fields, wrapped, strict=True)
            ]
        return FIELD_SEPARATOR.join(fields)

    def _bare(self, text: str) -> str:
        """Without separators before the name."""
        bare = text.strip(":").lstrip()
        if not is_step(bare) or read_type(bare.partition(FIELD_SEPARATOR)[0]) is not None:
            return text
        self._tell("read-separators", "Separators at the ends of the line are left out.")
        return bare

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
        type_ = read_type_word(fields[1]) or (self._cut_type(fields[1]) if len(fields) == 2 else None)
        if type_ is not None and (len(fields) > 2 or self._last):
            self._tell("read-type", f"The type {quoted(fields[1])} is read as {type_}.")
            return FIELD_SEPARATOR.join([fields[0], type_.value, *fields[2:]])
        return self._typeless(fields)

    def _cut_type(self, text: str) -> StepType | None:
        """The only type that begins so, in a last line that is cut off."""
        begun = [type_ for type_ in StepType if len(text) > 1 and type_.startswith(text.casefold())]
        return begun[0] if self._last and len(begun) == 1 else None

    def _typeless(self, fields: Sequence[str]) -> str | None:
        """`Step 1:::Plan:::next::Step 2`: the type is left out, and the branches tell which it is."""
        name, instruction, *rest = fields
        if not _NUMBERED.fullmatch(plain_name(name)) or len(rest) > 1:
            return None
        if not instruction and rest:
            instruction, *rest = rest[0].split(FIELD_SEPARATOR, 1)
        elif rest and BRANCH_SEPARATOR not in rest[0] and not read_branches(rest[0], means_target):
            return None
        if not instruction or (not rest and len(instruction.split()) < 2):
            return None
        pairs = (rest[0].count(BRANCH_SEPARATOR) + 1) // 2 if rest else 0
        type_ = StepType.DECISION if pairs > 1 else StepType.PROCESS
        self._tell("added-type", f"{quoted(name)} has no type and is read as a {type_} by its branches.")
        return FIELD_SEPARATOR.join([name, type_, instruction, *rest])

    def _separated(self, text: str) -> str | None:
        """A line with another separator throughout, or with colons in other numbers."""
        if BRANCH_SEPARATOR in text:
            return self._fields(_COLONS.split(text.strip(": ")), "::")
        for separator in _LIKE_FIELDS:
            if separator not in text:
                continue
            fields = next(csv.reader([text])) if separator == "," else text.strip("| ").split(separator)
            told = self._told(text) if separator == ":" and has_arrow(text) else None
            read = told or self._fields(fields, separator)
            if read is not None:
                return read
        return None

    def _told(self, text: str) -> str | None:
        """`Step 1: decision: Is it? -> Yes: Step 2, No: Step 3`: not every colon parts two fields."""
        name, type_, body = [*text.split(":", 2), "", ""][:3]
        instruction, pairs = split_instruction(body.strip(), means_target)
        read = read_type(type_.strip())
        if read is None or not pairs:
            return None
        self._tell("read-separators", "':' is read as the separator.")
        self._tell("read-branches", f"{quoted(body[len(instruction) :].strip())} is read as branches.")
        return written(name, read, instruction, pairs)

    def _fields(self, fields: Sequence[str], separator: str) -> str | None:
        fields = [field.strip() for field in fields]
        if len(fields) < 3:
            return None
        # Other separators stand in sentences too, where a word such as `end` is no type.
        read = read_type_word if separator in _CERTAIN else read_type
        type_ = read(fields[1])
        while len(fields) > 3 and fields[-1] in {"", "-", "\u2013", "—"}:
            fields.pop()
        if type_ is None or (len(fields) % 2 == 0 and len(fields) > 4):
            return None
        self._tell("read-separators", f"{quoted(separator)} is read as the separator.")
        branches = BRANCH_SEPARATOR.join(fields[3:])
        return FIELD_SEPARATOR.join([fields[0], type_.value, fields[2], *([branches] if branches else [])])

    def _prose(self, text: str) -> str | None:
        """`Step 1 (process): instruction -> Step 2`."""
        found = None if FIELD_SEPARATOR in text else _PROSE.fullmatch(text) or _TYPED.fullmatch(text)
        if found is None:
            return None
        number = _NUMBER.fullmatch(found["name"].strip())
        named = number or _NUMBERED.fullmatch(plain_name(found["name"].strip(" -")))
        # `Note (check): …` is a remark.
        type_ = read_type_word(found["type"]) if named else read_type(found["type"])
        if type_ is None or has_arrow(text[found.end("type") : found.end("type") + _ARROW_CHARS]):
            return None
        self._tell("read-prose", "A step is read from prose.")
        name = plain_name(found["name"].rstrip(" -") + " ") or f"Step {self._position}"
        name = f"Step {number[1]}" if number else name
        return FIELD_SEPARATOR.join([name, type_.value, plain_field(found["body"])])

    def _branches(self, text: str) -> str:
        head, branches = split_branches(text)
        plain = branches.strip()
        if not plain:
            return text
        if BRANCH_SEPARATOR in plain:
            pairs = _listed(plain)
        elif plain.casefold() == NEXT_LABEL:
            pairs = [(NEXT_LABEL, NEXT_LABEL)]
        elif plain in {"[]", "{}", "()", "-"}:
            pairs = []
        elif means_end(plain) and text.split(FIELD_SEPARATOR)[1] == StepType.TERMINAL:
            return text
        else:
            pairs = read_branches(branches) or None
        if pairs is None:
            return text
        self._tell("read-branches", f"{quoted(branches.strip())} is read as branches.")
        joined = BRANCH_SEPARATOR.join(part for pair in pairs for part in pair)
        return FIELD_SEPARATOR.join([head, joined] if joined else [head])

    def _tell(self, code: str, message: str) -> None:
        self._changes.add(code, self._line.number, message)


def can_be_read(text: str) -> bool:
    """Whether a text by itself can be read as a step, with its type or without."""
    reader = LineReader(SourceLine(1, text), 1, Changes())
    return is_step(reader.read()) or is_step(reader.read_untyped())


def split_branches(text: str) -> tuple[str, str]:
    """Parts the line of a step from its branches, which may be empty."""
    fields = text.split(FIELD_SEPARATOR, 3)
    return FIELD_SEPARATOR.join(fields[:3]), fields[3] if len(fields) > 3 else ""


def _is_wrapped(text: str) -> bool:
    text = text.strip()
    return len(text) > 2 and text[0] + text[-1] in _WRAPPED


def _listed(text: str) -> Pairs | None:
    """`Yes::Step 3, No::Step 1` and `"Yes"::"Step 3"`, of which the parser would read too much."""
    tokens = [token.strip() for token in text.split(BRANCH_SEPARATOR)]
    if all(len(token) > 2 and token[0] + token[-1] in _QUOTED for token in tokens):
        tokens = [token[1:-1] for token in tokens]
        return list(zip(tokens[::2], tokens[1::2], strict=True)) if len(tokens) % 2 == 0 else None
    pieces = [piece.split(BRANCH_SEPARATOR) for piece in re.split(r" *[,;|] *", text.strip(" ,;|"))]
    if (len(pieces) > 1 or text.strip(" ,;|") != text) and all(len(piece) == 2 for piece in pieces):
        return [(piece[0].strip(), piece[1].strip()) for piece in pieces]
    return None
