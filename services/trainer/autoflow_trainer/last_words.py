"""What a worker said last, cut down to what callers may read.

The words are the last line of its output that is an error in its log, or no line of a log at all: the end of
a traceback, or what the system says when a program cannot start. Whatever only operators may know is taken
out: secrets, URLs, addresses and folders. The worker's log keeps it all.

It does not protect against a secret that the worker was not given in a variable whose name says so, nor
against an error that quotes what it is about.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

MAX_CHARACTERS = 300
"""Of the words; longer ones are cut."""

_LEFT_OUT = "…"
_SECRET_NAME = re.compile(r"(?:^|_)(?:token|secret|password|passwd|key|headers|credentials)s?(?:$|_)", re.I)
_LEAST_SECRET = 4
"""Characters; a shorter value is found in any text."""
_PRIVATE = (
    (re.compile(r"\b((?:password|passwd|secret|token|key)\s*[=:]|bearer)\s*\S+", re.I), rf"\1 {_LEFT_OUT}"),
    (re.compile(r"\b([a-z][a-z0-9+.-]*)://[^\s'\"]+", re.I), rf"\1://{_LEFT_OUT}"),
    (re.compile(r"\[[0-9a-f:]+\]:\d+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", re.I), _LEFT_OUT),
    (re.compile(r"\b[\w.-]+:\d{2,5}\b"), _LEFT_OUT),
    (re.compile(r"(?<![\w.…/])/(?:[^\s'\":,;/]+/)+"), f"{_LEFT_OUT}/"),
)
_ORDINARY = re.compile(r"[IW]\d{4} ")
"""Begins what the libraries beneath gRPC remark on ordinary work."""
_FRAME = " \t|+-"
"""What Python draws around the errors of a group."""


def last_words(output: bytes, secrets: Collection[str]) -> str:
    """The last words in an output.

    Args:
        output: its end.
        secrets: texts that nobody may read.

    Returns:
        One line; empty where there are no such words.
    """
    lines = reversed(output.decode(errors="replace").splitlines())
    words = next(filter(None, map(_words, lines)), "")
    for secret in sorted(secrets, key=len, reverse=True):
        words = words.replace(secret, _LEFT_OUT)
    for pattern, instead in _PRIVATE:
        words = pattern.sub(instead, words)
    words = "".join(character for character in words if character.isprintable())
    return words if len(words) <= MAX_CHARACTERS else words[: MAX_CHARACTERS - 1] + _LEFT_OUT


def secrets_of(env: Mapping[str, str]) -> Iterator[str]:
    """The values of variables whose names say that they are secret."""
    for name, value in env.items():
        if _SECRET_NAME.search(name) and len(value) >= _LEAST_SECRET:
            yield value


def _words(line: str) -> str:
    """What a line says; empty where it is nothing but a frame, or reports of ordinary work."""
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        if _ORDINARY.match(line):
            return ""
        return " ".join(line.strip(_FRAME).split())
    grave = record.get("level") in ("error", "critical")
    return " ".join(str(record.get("event", "")).split()) if grave else ""
