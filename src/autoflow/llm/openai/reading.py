"""Keeps an endpoint from answering with more than there is memory for.

What is counted are the bytes on the wire. Compressed, few of them may hold any number, so endpoints are asked
not to compress (`IDENTITY`), and one that does it all the same has no answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable

from httpx2 import AsyncByteStream, Response

IDENTITY = "identity"
"""The value of the header Accept-Encoding."""


class Unreadable(Exception):
    """An answer that is not read to its end; the message says why."""


def limited(limit: int) -> Callable[[Response], Awaitable[None]]:
    """A hook for responses, by which reading one raises `Unreadable` where it is too large or compressed.

    Args:
        limit: bytes of one body.
    """

    async def hook(response: Response) -> None:
        if response.headers.get("content-encoding", IDENTITY) != IDENTITY:
            raise Unreadable("its answer is compressed, which it was asked not to be")
        # Before the body is read; an asynchronous client's stream always is of this kind.
        assert isinstance(response.stream, AsyncByteStream)
        response.stream = _Limited(response.stream, limit)

    return hook


class _Limited(AsyncByteStream):
    def __init__(self, stream: AsyncByteStream, limit: int) -> None:
        self._stream = stream
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        # The base class states no type.
        parts: AsyncIterable[bytes] = self._stream
        async for part in parts:
            size += len(part)
            if size > self._limit:
                raise Unreadable(f"its answer is larger than {self._limit:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
