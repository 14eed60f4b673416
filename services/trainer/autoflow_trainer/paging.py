"""Page tokens: where the next page of runs begins.

A token holds the place of the last run of its page in the order of creation, which never changes; so runs
that are created in the meantime move nothing. The check sum tells an honest mistake (a cut-off or made-up
token) from a token of ours; it is no secret, and a forged token shows nothing that listing does not.
"""

from __future__ import annotations

import base64
import binascii
import struct
import zlib

from autoflow.errors import InvalidArgument

_LAYOUT = struct.Struct(">QI")
"""The place, and the check sum over it."""


def page_token(sequence: int) -> str:
    """The token of the page after the run of that place."""
    return base64.urlsafe_b64encode(_LAYOUT.pack(sequence, _checksum(sequence))).decode().rstrip("=")


def page_start(token: str) -> int | None:
    """The place that the page goes on after; None means the first page.

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
    if checksum != _checksum(sequence):
        raise _unknown()
    return int(sequence)


def _checksum(sequence: int) -> int:
    return zlib.crc32(b"runs-by-creation:%d" % sequence)


def _unknown() -> InvalidArgument:
    return InvalidArgument(
        "page_token", "this service made no such token", fix="give the `next_page_token` of the page before"
    )
