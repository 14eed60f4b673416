"""An endpoint may answer with anything, and no more of it is read than there is room for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from autoflow.llm import ModelUnavailable, Sampling
from autoflow.testing import Refusal
from tests.llm.openai.bench import PROMPT, Bench


@asynccontextmanager
async def flooding(status: int) -> AsyncIterator[str]:
    """An endpoint whose answer has no end."""

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        part = b"x" * 2**16
        writer.write(f"HTTP/1.1 {status} Whatever\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        with suppress(ConnectionError):
            while True:
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_an_answer_without_end_is_read_no_further_than_the_limit(bench: Bench, status: int) -> None:
    async with flooding(status) as base_url:
        model = bench.model(base_url, attempts=2, max_answer_bytes=2**20)
        with pytest.raises(ModelUnavailable, match="its answer is larger than 1,048,576 bytes"):
            await model.complete(PROMPT, Sampling())


async def test_an_answer_of_the_limit_is_read(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: "words")
    await bench.model(endpoint.base_url).complete(PROMPT, Sampling())
    size = len(json.dumps(endpoint.calls[0].answer))
    assert (await bench.model(endpoint.base_url, max_answer_bytes=size).complete(PROMPT, Sampling())).text
    with pytest.raises(ModelUnavailable, match="larger"):
        await bench.model(endpoint.base_url, max_answer_bytes=size - 1).complete(PROMPT, Sampling())


async def test_a_compressed_answer_is_not_read(bench: Bench) -> None:
    endpoint = await bench.endpoint(lambda body: Refusal(200, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(ModelUnavailable, match="compressed"):
        await bench.model(endpoint.base_url, attempts=1).complete(PROMPT, Sampling())
    assert endpoint.calls[0].headers["accept-encoding"] == "identity"
