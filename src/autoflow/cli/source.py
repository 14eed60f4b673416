"""Reads the texts of workflows."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.language import DEFAULT_LIMITS

_REGISTERED = re.compile(r"workflows/[a-z0-9-]+(@[a-z0-9-]+)?|[a-z0-9-]+@[a-z0-9-]+")
STDIN = "-"
"""The name of standard input on the command line."""

_MOST_BYTES = 4 * DEFAULT_LIMITS.max_text_chars
"""What the longest text that is accepted can take in UTF-8."""


def is_registered(name: str) -> bool:
    """Whether a name is that of a registered workflow, and of no file: `planner@production`, `planner@3`."""
    return _REGISTERED.fullmatch(name) is not None and not Path(name).exists()


def label(name: str) -> str:
    """What a text is called in messages."""
    return "<stdin>" if name == STDIN else name


def read_source(name: str) -> str:
    """Reads a text.

    Bytes that are not UTF-8 become lone surrogates, on which the linter remarks.

    Args:
        name: a path, or `-` for standard input.

    Raises:
        CommandFailed: it cannot be read, or is larger than any workflow.
    """
    try:
        if name == STDIN:
            data = sys.stdin.buffer.read(_MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        # ValueError: a path with a null byte.
        reason = (error.strerror if isinstance(error, OSError) else None) or "cannot be read"
        raise CommandFailed(f"{label(name)}: {reason}", ExitCode.USAGE) from None
    if len(data) > _MOST_BYTES:
        # Not for the linter, which would count what was read and not what is there.
        limit = f"a workflow has {DEFAULT_LIMITS.max_text_chars:,} characters at most"
        raise CommandFailed(f"{label(name)}: it has more than {_MOST_BYTES:,} bytes; {limit}", ExitCode.USAGE)
    return data.decode("utf-8-sig", errors="surrogateescape")
