"""Reads workflows in JSON, or nearly: in any shape, with comments, trailing commas or single quotes.

The schema's own reader (``autoflow.language.json_form``) takes one shape and knows no lines; a repair has to
say where a change was made.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.objects import cut_steps_of, placed, steps_of
from autoflow.language.repair.source import SourceLine
from autoflow.language.repair.values import Object

_START = re.compile(r"^[ \t]*(?:[A-Za-z_]\w{0,40} ?= ?|- )?(?=[\[{])", re.MULTILINE)
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"'
    r"|'(?:[^'\\]|\\.)*'|“[^”]*”|(?://|#)[^\n]*|[{}\[\],:]|\s+"
    r"|(?:[^\s\"'“{}\[\],:#/]|/(?!/))+|.",
    re.DOTALL,
)
_NUMBER = re.compile(r"-?\d{1,9}")
NAMES_TYPE = re.compile(
    r"\b(?:(?:step_?|node_?)?(?:type|kind)|steps)[\"']? ?[=:]|[\"'](?:process|decision|terminal)[\"']",
    re.IGNORECASE,
)
"""What a document says that is about steps."""
_LITERALS: Final = {word: word.lower() for word in ("True", "False", "null", "true", "false")} | {
    "None": "null"
}
_MARKS: Final = "{}[],:\"'”"
_MOST_STARTS: Final = 8
_MOST_DEPTH: Final = 16


@dataclass(frozen=True, slots=True)
class _Json:
    """A part of a text as strict JSON: a list of the values that stand in a row."""

    text: str
    end: int
    """Where the part ends in the text."""
    whole: bool
    """Whether every bracket is closed in the source."""


def read_document(text: str, changes: Changes, form: str = "JSON") -> list[SourceLine] | None:
    """Returns the lines of a text with the steps of the document that it holds, or None if it holds none.

    Args:
        text: The text.
        changes: Where it is told what was read.
        form: What the text was written in.

    Raises:
        Refusal: A document that is about steps cannot be read, or is one of several.
    """
    read: list[SourceLine] | None = None
    unread: Refusal | None = None
    end = 0
    for start in list(_START.finditer(text))[:_MOST_STARTS]:
        line = text.count("\n", 0, start.start()) + 1
        strict = _strict(text, start.end(), line) if start.start() >= end else None
        if strict is None:
            continue
        told = Changes()
        steps = _steps(strict, line, told)
        if steps is None and unread is None and NAMES_TYPE.search(text, start.start(), strict.end):
            at = line if strict.whole else text.count("\n", 0, strict.end) + 1
            what = "cannot be read" if strict.whole else "is cut off before it ends"
            unread = Refusal("no-steps", at, f"The {form} {what}.")
        if steps and (read is not None or unread is not None):
            raise unread or Refusal(
                "duplicate-step", steps[0].number, "A second document with steps begins here."
            )
        if not strict.whole:
            told.cut_line = text.count("\n", 0, strict.end) + 1
        read_from = form if strict.whole else f"{form} that is cut off"
        message = f"The steps are read from {read_from}; what else it holds is left out."
        lines = placed(text, slice(start.start(), strict.end), steps or [], message, changes)
        if lines is not None:
            changes.take(told)
            read, end = lines, strict.end
    if read is None and unread is not None:
        raise unread
    return read


def _steps(strict: _Json, line: int, told: Changes) -> list[SourceLine] | None:
    """Returns the lines of the steps of a part; None if it cannot be read, or is cut off and lacks more."""
    value = _decoded(strict.text)
    if strict.whole:
        return None if value is None else steps_of(value, line, told)
    return cut_steps_of(value, told) or None


def _strict(text: str, start: int, line: int) -> _Json | None:
    """Writes the values that begin at a place, in a line, as strict JSON; each object gets its line."""
    out: list[str] = []
    opened: list[int] = []
    end = start
    for found in _TOKEN.finditer(text, start):
        token = found.group()
        if token in "{[":
            if out and out[-1] not in ("[", "{", ",", ":"):
                out.append(",")
            opened.append(len(out))
            out += ["{", f'"":{line}', ","] if token == "{" else ["["]
        elif not opened:
            if not (token.isspace() or token in ",-" or token.startswith(("//", "#"))):
                break
        elif token in "}]":
            if out[-1] == ",":
                out.pop()
            out.append(token)
            opened.pop()
            end = end if opened else found.end()
        elif len(opened) > _MOST_DEPTH:
            return None
        elif token in "\"'“":
            # A quote that nothing closes.
            out.append('""')
            return _cut_off(text, found.start(), line, out, opened)
        elif not (token.isspace() or token.startswith(("//", "#"))):
            _write(token, out)
        line += token.count("\n")
    if opened:
        return _cut_off(text, max(map(text.rfind, _MARKS)) + 1, line, out, opened)
    return _Json(f"[{''.join(out)}]", end, True)


def _cut_off(text: str, last: int, line: int, out: list[str], opened: list[int]) -> _Json:
    """Closes what the end of a text leaves open; the lines of objects that are cut off are negative.

    Args:
        text: The text.
        last: Where its last value begins, if that is cut off; else where the last mark ends.
        line: Where it ends, from 1.
        out: What was written.
        opened: Places in it of what is not closed.
    """
    end = len(text.rstrip())
    if "\n" in text[last:end] or text[last:end].endswith(("}", "]")):
        # The text goes on behind it: it is broken, not cut off.
        return _Json("", end, False)
    if out[-1] == ",":
        out.pop()
    in_object = out[opened[-1]] == "{"
    if out[-1] == ":":
        out.append("null")
    elif in_object and out[-2] == "," and out[-1].endswith('"'):
        out.append(":null")
    if not in_object:
        out += [*([","] if out[-1] != "[" else []), f'{{"":{-line}}}']
    for place in reversed(opened):
        if out[place] == "{":
            out[place + 1] = out[place + 1].replace(":", ":-", 1)
        out.append("}" if out[place] == "{" else "]")
    return _Json(f"[{''.join(out)}]", end, False)


def _write(token: str, out: list[str]) -> None:
    """Writes a string, a word or a mark."""
    if token in ",:":
        if out[-1] not in (",", "[", "{"):
            out.append(token)
    elif token[0] == '"':
        out.append(token)
    elif token[0] in "'“":
        out.append(json.dumps(token[1:-1].replace("\\'", "'")))
    elif token in _LITERALS or _NUMBER.fullmatch(token):
        out.append(_LITERALS.get(token, token))
    elif out[-1].endswith('"') and len(out[-1]) > 1:
        # Words without quotes that stand in a row.
        out[-1] = f'{out[-1][:-1]} {token}"'
    else:
        out.append(json.dumps(token))


def _decoded(text: str) -> Any:
    try:
        # The line of an object is its first pair.
        return json.loads(text, strict=False, object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> Object:
    (_, line), *fields = pairs
    return Object(abs(line), {key: _unfolded(value, abs(line)) for key, value in fields}, cut=line < 0)


def _unfolded(value: Any, line: int) -> Any:
    """Returns what a text in an object holds, if it is a document itself."""
    if (
        not isinstance(value, str)
        or not value.lstrip().startswith(("{", "["))
        or not NAMES_TYPE.search(value)
    ):
        return value
    strict = _strict(value, 0, line)
    decoded = _decoded(strict.text) if strict and strict.whole else None
    return value if decoded is None else decoded
