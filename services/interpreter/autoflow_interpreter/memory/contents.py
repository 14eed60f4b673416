"""What the answer of a step is: a text, a table or a reference to an image.

A table that is written in Markdown, as JSON records or with tabs becomes CSV, which says the same in fewer
tokens; one that is CSV already stays as it is. Only an answer that is a table as a whole is one, and only
where every row has a cell for every column: nothing is ever lost for the sake of a form. An image is named by
the digest of its bytes, which go into no prompt.

Left out: tables amid prose, which stay text, and types of cells: a number and its digits look the same.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from autoflow.suites import Content

_MAX_COLUMNS = 8
"""How many columns a summary names."""
_MAX_NAME = 24
_FENCE = re.compile(r"```[\w-]*\n(?P<inside>.*?)\n?```", re.DOTALL)
_RULE = re.compile(r"\|?(\s*:?-+:?\s*\|)*\s*:?-+:?\s*\|?")
_CELL_END = re.compile(r"(?<!\\)\|")
_DATA_URI = re.compile(r"data:image/(?P<form>[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/]+={0,2})")
_IMAGE_NAME = re.compile(r"[^\s,;]+\.(png|jpe?g|gif|webp|bmp|tiff?)", re.IGNORECASE)

Rows: TypeAlias = Sequence[Sequence[str]]
"""The first holds the names of the columns; each has as many cells."""


class Kind(StrEnum):
    """What something is."""

    TEXT = "text"
    TABLE = "table"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Held:
    """What a prompt may hold of an answer."""

    kind: Kind
    text: str
    """The text, the table as CSV, or the name of the image."""
    summary: str
    """Kind and size in a few words, such as `table of 3 rows: city, price`."""


def held(content: Content) -> Held:
    """What a prompt may hold of a content.

    Args:
        content: an answer; bytes are an image.
    """
    if isinstance(content, bytes):
        return Held(Kind.IMAGE, _image_name(content), f"image of {len(content):,} bytes")
    text = _DATA_URI.sub(_named, content).strip()
    if _IMAGE_NAME.fullmatch(text):
        return Held(Kind.IMAGE, text, "image")
    if rows := _rows(text):
        return Held(Kind.TABLE, _csv(rows), _table_summary(rows))
    if rows := _csv_rows(text):
        return Held(Kind.TABLE, text, _table_summary(rows))
    words = len(text.split())
    return Held(Kind.TEXT, text, f"text of {words:,} word{'' if words == 1 else 's'}")


def _rows(text: str) -> Rows | None:
    """The rows of a text that is a table in another form than CSV."""
    fenced = _FENCE.fullmatch(text)
    inside = fenced["inside"].strip() if fenced else text
    forms: tuple[Callable[[str], Rows | None], ...] = (_markdown, _records, _tabbed)
    return next((rows for form in forms if (rows := form(inside))), None)


def _markdown(text: str) -> Rows | None:
    lines = text.splitlines()
    if len(lines) < 3 or "|" not in lines[0] or not _RULE.fullmatch(lines[1].strip()):
        return None
    return _even([_cells(line) for line in (lines[0], *lines[2:])])


def _cells(line: str) -> list[str]:
    # An escaped bar at the end belongs to the last cell.
    line = line.strip().removeprefix("|")
    cells = _CELL_END.split(line)
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    return [cell.strip().replace("\\|", "|") for cell in cells]


def _records(text: str) -> Rows | None:
    if not text.startswith("["):
        return None
    try:
        records = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not records or not all(isinstance(record, dict) and record for record in records):
        return None
    columns = list(records[0])
    if any(list(record) != columns for record in records):
        return None
    if any(isinstance(cell, (dict, list)) for record in records for cell in record.values()):
        return None
    return [columns, *([_scalar(cell) for cell in record.values()] for record in records)]


def _scalar(cell: object) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else json.dumps(cell)


def _tabbed(text: str) -> Rows | None:
    if "\t" not in text:
        return None
    return _even([line.split("\t") for line in text.splitlines()])


def _csv_rows(text: str) -> Rows | None:
    """The rows of a text that is CSV. Prose may look alike, which is why the text is left as it is."""
    if "," not in text or "\n" not in text:
        return None
    try:
        rows = _even(list(csv.reader(io.StringIO(text), strict=True)))
    except csv.Error:
        return None
    if rows is None or any(name != name.strip() or not name for name in rows[0]):
        return None
    return rows if len(set(rows[0])) == len(rows[0]) else None


def _even(rows: list[list[str]]) -> Rows | None:
    """Rows that make a table: two or more, of two or more cells each, all of one length."""
    columns = {len(row) for row in rows}
    return rows if len(rows) > 1 and len(columns) == 1 and min(columns) > 1 else None


def _csv(rows: Rows) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().removesuffix("\n")


def _table_summary(rows: Rows) -> str:
    columns = [" ".join(name.split())[:_MAX_NAME] for name in rows[0][:_MAX_COLUMNS]]
    more = f" and {len(rows[0]) - _MAX_COLUMNS} more" if len(rows[0]) > _MAX_COLUMNS else ""
    count = len(rows) - 1
    return f"table of {count:,} row{'' if count == 1 else 's'}: {', '.join(columns)}{more}"


def _named(found: re.Match[str]) -> str:
    try:
        data = base64.b64decode(found["data"], validate=True)
    except binascii.Error:
        # Cut off; what is left of it names it as well.
        data = found["data"].encode()
    return _image_name(data, found["form"])


def _image_name(data: bytes, form: str = "") -> str:
    digest = hashlib.sha256(data).hexdigest()[:16]
    return f"image-{digest}.{form or 'bin'}"
