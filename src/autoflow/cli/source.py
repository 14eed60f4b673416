"""Reads the texts of workflows."""

from __future__ import annotations

import sys
from pathlib import Path

from autoflow.cli.exits import CommandFailed, ExitCode
from autoflow.language import DEFAULT_LIMITS

STDIN = "-"
"""The name of standard input on the command line."""

_MOST_BYTES = 4 * DEFAULT_LIMITS.max_text_chars
"""What the longest text that is accepted can take in UTF-8."""


def label(name: str) -> str:
    """What a text is called in messages."""
    return "<stdin>" if name == STDIN else name


def read_source(name: str) -> str:
    """Reads a text.

    Of a file that no workflow can be as large as, only so much is read that it is still too long for the
    linter. Bytes that are not UTF-8 become lone surrogates, on which the linter remarks.

    Args:
        name: a path, or `-` for standard input.

    Raises:
        CommandFailed: it cannot be read.
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
    return data.decode("utf-8-sig", errors="surrogateescape")
