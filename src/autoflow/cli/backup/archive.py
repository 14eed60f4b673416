"""What a backup is: an uncompressed tar of databases and artifacts, whose last entry says what must be in it.

The manifest comes last, so that neither side needs a second pass; an archive that was cut short has none and
is refused. It protects against damage, not against whoever can write the file: keep it where only you can.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from autoflow.errors import DataLoss

FORMAT = 1
"""Of the archives that this version writes, and the newest that it reads."""
MANIFEST = "manifest.json"
"""The name of the last entry."""
CHUNK = 1 << 20
"""Bytes that are held in memory at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the backup."""

    path: str
    """Below the folder, with slashes."""
    size: int
    """Bytes."""
    sha256: str
    """64 hex digits."""
    revision: str | None = None
    """Of a database: of its tables; None for anything else, and for a database without one."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup."""

    version: str
    """Of the AutoFlow that made it."""
    create_time: str
    """ISO 8601, UTC."""
    entries: tuple[Entry, ...]
    damaged: tuple[str, ...] = field(default=())
    """Artifacts that were left out, since their bytes were not those of their names."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(entry.size for entry in self.entries)

    def encode(self) -> bytes:
        """As JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Reads JSON.

        Raises:
            DataLoss: that is no manifest, or one of a newer version.
        """
        try:
            value: dict[str, Any] = json.loads(data)
            if value.pop("format") > FORMAT:
                raise DataLoss("the backup was made by a newer version of AutoFlow")
            entries = tuple(Entry(**entry) for entry in value.pop("entries"))
            return cls(entries=entries, damaged=tuple(value.pop("damaged")), **value)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DataLoss("the manifest of the backup cannot be read") from None
