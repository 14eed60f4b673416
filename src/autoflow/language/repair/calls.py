"""Writes calls of functions as JSON, so that the reader of JSON finds their fields.

`step(name="Step 1", type="process")` becomes `{name:"Step 1", type:"process"}`, on the same lines. Nothing is
run. Left out: calls that are made in loops, or of variables.
"""

from __future__ import annotations

import re
from typing import Final

from autoflow.language._layout import read_type
from autoflow.language.repair.changes import Refusal
from autoflow.language.repair.documents import NAMES_TYPE

_CALL = re.compile(
    r"^[ \t]{0,40}(?:(?:await|const|let|var|return|yield) )?(?:\w{1,40} ?= ?)?"
    r"(?=[A-Za-z_][\w.]{0,60}\(|\[\s{0,80}\()",
    re.MULTILINE,
)
_KEYWORD = re.compile(r"\s{0,80}[A-Za-z_]\w{0,40} ?=(?!=)")
_TOKEN = re.compile(
    r'(?P<triple>"""(?:[^"\\]|\\.|"(?!""))*"""|' r"'''(?:[^'\\]|\\.|'(?!''))*''')"
    r'|"(?:[^"\\\n]|\\.)*"' r"|'(?:[^'\\\n]|\\.)*'"
    r"|(?P<comment>(?:#|//)[^\n]*)|(?P<call>[A-Za-z_][\w.]{0,60})?\(|[\[\]{})=]|[^\"'#/()\[\]{}=A-Za-z_]+|\w+|.",
    re.DOTALL,
)  # fmt: skip
_CLOSING: Final = {"[": "]", "{": "}"}
_NOT_BLANK = re.compile(r"[^\n]")


def calls_as_json(text: str) -> str | None:
    """Returns a text with its calls, or tuples, that name a type as JSON, or None if there are none.

    What stands between them is blank, and what stands before and behind them is left as it is.

    Raises:
        Refusal: Such a call is cut off.
    """
    read: list[str] = []
    done = at = 0
    while found := _CALL.search(text, at):
        written, at = _as_json(text, found.end())
        if not NAMES_TYPE.search(written) and not (read and at > len(text)):
            continue
        if at > len(text):
            line = text.count("\n", 0, len(text.rstrip())) + 1
            raise Refusal("no-steps", line, "A call is cut off before it ends.")
        between = text[done : found.end()]
        read += [_blank(between) if read else text[: found.start()] + _blank(found.group()), written]
        done = at = at + text.startswith(";", at)
    return "".join([*read, text[done:]]) if read else None


def _as_json(text: str, start: int) -> tuple[str, int]:
    """Returns the call that begins at a place as JSON, and where it ends; past the text if it is cut off."""
    out: list[str] = []
    closing: list[str] = []
    for found in _TOKEN.finditer(text, start):
        token = found.group()
        if found["triple"]:
            token = f"{token[2:-2]}"
        elif found["comment"]:
            token = ""
        elif token.endswith("("):
            token, close = _opened(token[:-1], text, found.end())
            closing.append(close)
        elif token in _CLOSING:
            closing.append(_CLOSING[token])
        elif token in {")", "]", "}"}:
            token = closing.pop()
        elif token == "=" and closing[-1] == "}":
            token = ":"
        out.append(token)
        if not closing:
            return "".join(out), found.end()
    return "".join(out), len(text) + 1


def _opened(name: str, text: str, at: int) -> tuple[str, str]:
    """Returns what opens the values of a call, and what closes them; without keys they are a list."""
    if _KEYWORD.match(text, at):
        # `decision(name="Step 1")`
        type_ = read_type(name)
        return (f'{{type: "{type_}", ' if type_ else "{"), "}"
    # What is given another value, such as an object, is that value.
    return (" ", " ") if name and text[at : at + 1] not in {'"', "'"} else ("[", "]")


def _blank(text: str) -> str:
    return _NOT_BLANK.sub(" ", text)
