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
from autoflow.language.repair.lines import is_step
from autoflow.language.repair.objects import Object, steps_of
from autoflow.language.repair.source import SourceLine

_START = re.compile(r"^[ \t]*(?:[A-Za-z_]\w{0,40} ?= ?|- )?(?=[\[{])", re.MULTILINE)
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"'
    r"|'(?:[^'\\]|\\.)*'|“[^”]*”|(?://|#)[^\n]*|[{}\[\],:]|\s+"
    r"|(?:[^\s\"'“{}\[\],:#/]|/(?!/))+|.",
    re.DOTALL,
)
_NUMBER = re.compile(r"-?\d{1,9}")
_LITERALS: Final = {word: word.lower() for word in ("True", "False", "null", "true", "false")} | {
    "None": "null"
}
_MOST_STARTS: Final = 8
_MOST_DEPTH: Final = 16


@dataclass(frozen=True, slots=True)
class _Json:
    """A part of a text as strict JSON: a list of the values that stand in a row."""

    text: str
    end: int
    """Where the part ends in the text."""
    whole: bool
    """Whether every bracket is closed."""


def read_document(text: str, changes: Changes) -> list[SourceLine] | None:
    """Returns the lines of a text with the steps of the document that it holds, or None if it holds none.

    Raises:
        Refusal: A document with steps is cut off.
    """
    cut = 0
    for start in list(_START.finditer(text))[:_MOST_STARTS]:
        strict = _strict(text, start.end())
        if strict is None:
            continue
        line = text.count("\n", 0, start.start()) + 1
        cut = cut or (0 if strict.whole else text.count("\n", 0, strict.end) + 1)
        told = Changes()
        steps = steps_of(_decoded(strict.text), line, told) if strict.whole else []
        around = [
            *_numbered(text[: start.start()], 1),
            *_numbered(text[strict.end :], text.count("\n", 0, strict.end) + 1),
        ]
        if steps and not any(is_step(line.text) for line in around):
            message = "The steps are read from JSON; what else it holds is left out."
            changes.add("read-document", steps[0].number, message)
            changes.take(told)
            return sorted([*around, *steps], key=lambda line: line.number)
    if cut and _is_about_steps(text):
        raise Refusal("no-steps", cut, "The JSON is cut off before it ends.")
    return None


def _numbered(text: str, first: int) -> list[SourceLine]:
    lines = (SourceLine(number, line) for number, line in enumerate(text.split("\n"), start=first))
    return [line for line in lines if line.text.strip()]


def _is_about_steps(text: str) -> bool:
    return '"type"' in text or '"steps"' in text


def _strict(text: str, start: int) -> _Json | None:
    """Writes the values that begin at a place as strict JSON; each object gets its line."""
    out: list[str] = []
    depth, line, end = 0, text.count("\n", 0, start) + 1, start
    for found in _TOKEN.finditer(text, start):
        token = found.group()
        if token in "{[":
            if out and out[-1] not in ("[", "{", ",", ":"):
                out.append(",")
            out += ["{", f'"":{line}', ","] if token == "{" else ["["]
            depth += 1
        elif depth == 0:
            if not (token.isspace() or token in ",-" or token.startswith(("//", "#"))):
                break
        elif token in "}]":
            if out[-1] == ",":
                out.pop()
            out.append(token)
            depth -= 1
            end = found.end() if depth == 0 else end
        elif token in "\"'“" or depth > _MOST_DEPTH:
            # A quote that nothing closes.
            return _Json("", len(text.rstrip()), False) if depth <= _MOST_DEPTH else None
        elif not (token.isspace() or token.startswith(("//", "#"))):
            _write(token, out)
        line += token.count("\n")
    return _Json(f"[{''.join(out)}]", end if depth == 0 else len(text.rstrip()), depth == 0)


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
        return json.loads(
            text, strict=False, object_pairs_hook=lambda pairs: Object(pairs[0][1], dict(pairs[1:]))
        )
    except (ValueError, RecursionError):
        return []
