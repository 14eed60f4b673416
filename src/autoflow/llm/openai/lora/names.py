"""What an adapter is called on a server.

A name always holds a piece of the digest: whatever the folder says of itself, two contents never share one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ORIGIN = "autoflow.json"
"""The file in an adapter's folder that says which run made it: `{"run": "runs/<id>", "version": 3}`."""

_LARGEST = 4096
_RUN = re.compile(r"(?:runs/)?([A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)
_LAST_VERSION = 10**9


def served_name(folder: Path, digest: str) -> str:
    """The name of an adapter: `<run>-v<version>-<8 digits>`, else `adapter-<12 digits>`.

    Args:
        folder: the adapter's.
        digest: its 64 hex digits.
    """
    origin = _origin(folder / ORIGIN)
    return f"adapter-{digest[:12]}" if origin is None else f"{origin}-{digest[:8]}"


def _origin(path: Path) -> str | None:
    """Who made it; None where the file is not there or says something else."""
    try:
        with path.open("rb") as file:
            said = json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    run, version = said.get("run"), said.get("version")
    if not isinstance(run, str) or type(version) is not int or not 0 <= version <= _LAST_VERSION:
        return None
    match = _RUN.fullmatch(run)
    return None if match is None else f"{match.group(1)}-v{version}"
