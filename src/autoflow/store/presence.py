"""Whether an SQLite database is still where it was.

A connection to a file that was deleted or moved goes on reading and writing what nobody will ever find. The
questions here are asked of the file system, not of the connection.
"""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import URL


class Presence:
    """The place of one database; a database that is no file is always there.

    Args:
        url: of the engine.
    """

    def __init__(self, url: URL) -> None:
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        self._path = Path(url.database or "") if is_file else None
        self._seen: tuple[int, int] | None = None

    def holds(self) -> bool:
        """Whether the file is there, may be read and written, and is the one that was first seen."""
        if self._path is None:
            return True
        try:
            stat = self._path.stat()
        except OSError:
            return False
        identity = (stat.st_dev, stat.st_ino)
        self._seen = self._seen or identity
        return identity == self._seen and os.access(self._path, os.R_OK | os.W_OK)
