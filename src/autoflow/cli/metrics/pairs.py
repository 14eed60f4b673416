"""Reads what is to be scored: a pair from the command line, or a file with a pair on each line.

A text is sent as it is, a picture as the bytes of its file; which of them a file holds, its ending says. What
a picture really is, the scorer decides.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.cli.source import STDIN, label
from autoflow.v1.scorer_service_pb2 import ScorePair
from autoflow.v1.task_pb2 import Content

PICTURES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
"""The endings of files that are pictures; every other file is a text."""
_MOST_BYTES = 1 << 20
"""More than the contract lets through; of a larger file so much is read that it is still refused."""
_SIDES = ("output", "reference")


def pair_of(output: str, reference: str) -> ScorePair:
    """Makes a pair of two arguments, each a text, or `@` and the name of a file.

    Raises:
        CommandFailed: a file cannot be read.
    """
    return ScorePair(output=_argument(output), content=_argument(reference))


def read_pairs(name: str) -> list[ScorePair]:
    """Reads a file of pairs.

    A line is a JSON object with `output` or `output_image`, and `reference` or `reference_image`: a text, or
    the file of a picture, counted from the folder of the file of pairs; other names are passed over, and so
    are empty lines.

    Args:
        name: a path, or `-` for standard input.

    Raises:
        CommandFailed: the file, a line or a picture cannot be read.
    """
    try:
        text = sys.stdin.read() if name == STDIN else Path(name).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise _wrong(label(name), error) from None
    folder = Path() if name == STDIN else Path(name).parent
    return list(_lines(label(name), folder, text))


def _lines(name: str, folder: Path, text: str) -> Iterator[ScorePair]:
    # Not `splitlines`: JSON may hold other separators of lines as they are.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"{name}:{number}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise CommandFailed(f"{where}: is no JSON", ExitCode.USAGE) from None
        output, reference = (_side(found, side, where, folder) for side in _SIDES)
        yield ScorePair(output=output, content=reference)


def _side(line: Any, side: str, where: str, folder: Path) -> Content:
    names = (side, f"{side}_image") if isinstance(line, dict) else ()
    found = {name: line[name] for name in names if name in line}
    match list(found.items()):
        case [(name, str(value))]:
            return _text(value) if name == side else Content(image=_bytes(folder / value, where))
        case _:
            raise CommandFailed(f"{where}: wants {side} or {side}_image, and a text in it", ExitCode.USAGE)


def _argument(value: str) -> Content:
    if not value.startswith("@"):
        return _text(value)
    path = Path(value[1:])
    data = _bytes(path, value[1:])
    return Content(image=data) if path.suffix.lower() in PICTURES else _text(data.decode(errors="replace"))


def _text(value: str) -> Content:
    # A field of a message holds no lone surrogates.
    return Content(text=value.encode(errors="replace").decode())


def _bytes(path: Path, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _wrong(where, error) from None


def _wrong(where: str, error: Exception) -> CommandFailed:
    reason = (error.strerror if isinstance(error, OSError) else None) or "cannot be read"
    return CommandFailed(f"{where}: {reason}", ExitCode.USAGE)
