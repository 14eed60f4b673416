"""The corpus of malformed texts, for tests of the language and of what uses it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent / "malformed"


@dataclass(frozen=True)
class Malformed:
    """One text of the corpus; findings are written as `line code`."""

    name: str
    text: str
    diagnostics: list[str]
    """What `check` finds."""
    changes: list[str] | None
    """What `repair` changes; None where it refuses the text."""
    refusal: list[str] | None
    """Why `repair` refuses the text; None where it mends it."""
    repaired: str
    """The mended text, where there is one."""


def corpus() -> list[Malformed]:
    """Returns the texts of all files."""
    entries = []
    for path in sorted(_FOLDER.glob("*.toml")):
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        for entry in document["text"]:
            entries.append(
                Malformed(
                    f"{path.stem}: {entry['name']}",
                    entry["text"],
                    entry["diagnostics"],
                    entry.get("changes"),
                    entry.get("refusal"),
                    entry.get("repaired", document["sound"]),
                )
            )
    return entries
