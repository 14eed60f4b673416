"""An MCP server at a URL, by streamable HTTP, with bounds on what it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp.client.streamable_http import streamable_http_client

MOST_ANSWER_BYTES = 8 * 2**20
_TIMEOUT = httpx2.Timeout(30.0, read=None)
"""What a call may take is its deadline's; a stream of events may be silent for long."""


@asynccontextmanager
async def connected(url: str, headers: Mapping[str, str]) -> AsyncIterator[tuple[Any, Any]]:
    """A connection for the length of the block.

    Args:
        url: the endpoint. A redirect is followed only where it stays on the same host.
        headers: of every request.
    """
    # Compressed, a small answer could be a large one.
    plain = {**headers, "Accept-Encoding": "identity"}
    hooks = {"response": [_bound]}
    async with (
        httpx2.AsyncClient(headers=plain, timeout=_TIMEOUT, event_hooks=hooks) as client,
        streamable_http_client(url, http_client=client, max_sse_event_size=MOST_ANSWER_BYTES) as streams,
    ):
        yield streams


async def _bound(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity") != "identity":
        raise httpx2.DecodingError("the answer is compressed, which was not asked for")
    # A stream of events ends when the server likes; of these, each is bounded.
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MOST_ANSWER_BYTES:
                raise httpx2.ReadError(f"the answer has more than {MOST_ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
