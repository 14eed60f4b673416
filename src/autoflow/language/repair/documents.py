"""Reads workflows in JSON, or nearly: in any shape, with comments, trailing commas or single quotes.

The schema's own reader (``autoflow.language.json_form``) takes one shape and knows no lines; a repair has to
say where a change was made.
"""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from autoflow.language.fields import name_key
from autoflow.language.repair.branches import Pairs, read_branches
from autoflow.language.repair.changes import Changes, Refusal
from autoflow.language.repair.keyed import (
    BRANCHES,
    INSTRUCTION,
    LABEL,
    NAME,
    TARGET,
    TYPE,
    KeyedStep,
    key_kind,
    key_label,
)
from autoflow.language.repair.lines import is_step
from autoflow.language.repair.source import LINE_BREAK, SourceLine

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


@dataclass(frozen=True, slots=True)
class _Object:
    """An object, and where it is."""

    line: int
    """Where it begins in the text, from 1."""
    values: dict[str, Any]


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
        steps = _steps(_decoded(strict.text), line, told) if strict.whole else []
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
            text, strict=False, object_pairs_hook=lambda pairs: _Object(pairs[0][1], dict(pairs[1:]))
        )
    except (ValueError, RecursionError):
        return []


def _steps(value: Any, first: int, changes: Changes) -> list[SourceLine]:
    """Returns the lines of the first list of steps, or text, that a value holds."""
    within = deque([value])
    while within:
        value = within.popleft()
        texts = _texts(value)
        if texts:
            return [SourceLine(first, text) for text in texts]
        maps = _maps(value)
        steps = [step for name, each in maps if (step := _step(each, name)) is not None]
        if steps and len(steps) == len(maps):
            key = _name_field(steps, [each for _, each in maps])
            steps = [step for name, each in maps if (step := _step(each, name, key)) is not None]
            return [step.source_line(i, changes) for i, step in enumerate(steps, start=1)]
        within += (
            value.values.values() if isinstance(value, _Object) else value if isinstance(value, list) else ()
        )
    return []


def _texts(value: Any) -> list[str]:
    """Returns the lines of a text, or of a list of texts, of which some are steps."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return []
    lines = [line for text in texts for line in LINE_BREAK.split(text)]
    return lines if any(is_step(line) for line in lines) else []


def _maps(value: Any) -> list[tuple[str, _Object]]:
    """Returns the objects of a list, or of an object by their names, if it holds nothing else."""
    if isinstance(value, _Object):
        pairs = list(value.values.items())
    else:
        pairs = [("", each) for each in value] if isinstance(value, list) else []
    return pairs if all(isinstance(each, _Object) for _, each in pairs) else []


def _step(value: _Object, name: str, name_field: str = "") -> KeyedStep | None:
    """Reads an object as a step; None if it has neither a type nor an instruction, or holds objects.

    Args:
        value: The object.
        name: What it is called from outside.
        name_field: Key of its name; by default the first key that means one.
    """
    step = KeyedStep(value.line, name)
    for key, each in value.values.items():
        kind = key_kind(key, NAME, TYPE, INSTRUCTION, BRANCHES)
        label = key_label(key)
        read: Pairs | None = []
        if label and isinstance(each, str | int):
            read = [(label, str(each))]
        elif kind == BRANCHES:
            read = _branches(each)
        elif isinstance(each, list) and any(isinstance(item, _Object) for item in each):
            read = None
        elif kind and isinstance(each, str | int) and not getattr(step, kind):
            if kind != NAME or key == (name_field or key):
                setattr(step, kind, str(each))
            else:
                step.unread.append(key)
        elif each not in (None, "", []):
            step.unread.append(key)
        if read is None:
            return None
        step.branches += read
    return step if step.type or (step.name and step.instruction) else None


def _branches(value: Any) -> Pairs | None:
    """Reads branches as a text, a number, a list or an object; None if they cannot be read."""
    if value is None or value == "":
        return []
    if isinstance(value, str | int):
        return read_branches(str(value)) or None
    if isinstance(value, _Object):
        kinds = {key_kind(key, LABEL, TARGET): each for key, each in value.values.items()}
        if set(kinds) == {LABEL, TARGET}:
            return [(str(kinds[LABEL]), str(kinds[TARGET]))]
        pairs = [(key_label(key) or key, each) for key, each in value.values.items()]
        return (
            [(key, str(each)) for key, each in pairs]
            if all(isinstance(each, str | int) for _, each in pairs)
            else None
        )
    read = [_branches(each) for each in value]
    return None if None in read else [pair for pairs in read if pairs for pair in pairs]


def _name_field(steps: list[KeyedStep], objects: list[_Object]) -> str:
    """Where objects have a number and a name, returns the key of those that the branches lead to."""
    targets = {name_key(target) for step in steps for _, target in step.branches}
    for key in objects[0].values:
        names = {name_key(str(each.values.get(key))) for each in objects}
        if key_kind(key, NAME) and targets <= names:
            return key
    return ""
