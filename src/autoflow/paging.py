"""Page tokens: where the next page of a list begins.

A token holds the place of the last one of its page in the order of creation, which never changes; so those
that are created in the meantime move nothing. The check sum tells an honest mistake (a cut-off or made-up
token) from a token of ours; it is no secret, and a forged token shows nothing that listing does not.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from autoflow.errors import InvalidArgument

_DEFAULT_SIZE = 50
_LAYOUT = struct.Struct(">QI")
"""The place, and the check sum over it."""


T = TypeVar("T")


def page_size(asked: int) -> int:
    """How many are on a page; 0 asks for the default."""
    return asked or _DEFAULT_SIZE


def cut(found: Sequence[T], size: int, kind: str, place: Callable[[T], int]) -> tuple[Sequence[T], str]:
    """A page, and the token of the next one, which is empty where this is the last.

    Args:
        found: the page and, where there is one, at least one more.
        size: how many are on a page.
        kind: what is listed.
        place: tells the place of one in the order of creation.
    """
    shown = found[:size]
    return shown, page_token(place(shown[-1]), kind) if len(found) > size else ""


def page_token(sequence: int, kind: str) -> str:
    """The token of the page after the one of that place.

    Args:
        sequence: the place.
        kind: what is listed, such as `runs`; a token is good for its own kind alone.
    """
    return base64.urlsafe_b64encode(_LAYOUT.pack(sequence, _checksum(sequence, kind))).decode().rstrip("=")


def page_start(token: str, kind: str) -> int | None:
    """The place that the page goes on after; None means the first page.

    Args:
        token: of `page_token`; empty for the first page.
        kind: what is listed.

    Raises:
        InvalidArgument: this service made no such token.
    """
    if not token:
        return None
    try:
        padded = token + "=" * (-len(token) % 4)
        sequence, checksum = _LAYOUT.unpack(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, struct.error):
        raise _unknown() from None
    if checksum != _checksum(sequence, kind):
        raise _unknown()
    return int(sequence)


def _checksum(sequence: int, kind: str) -> int:
    return zlib.crc32(f"{kind}-by-creation:{sequence}".encode())


def _unknown() -> InvalidArgument:
    return InvalidArgument(
        "page_token", "this service made no such token", fix="give the `next_page_token` of the page before"
    )
