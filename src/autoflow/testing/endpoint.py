"""An OpenAI-compatible endpoint that says what a function says, and fails as planned.

A real HTTP server on a free port of this machine, so that a client's time-outs, retries and cancellations
meet real connections. It knows `POST /v1/chat/completions`, `POST /v1/embeddings` and `GET /v1/models`. Left
out: streaming, TLS, and every check of a request that a test has not asked for.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self, TypeAlias

from autoflow.testing.endpoint_answers import EmbeddingScript, chat_answer, embeddings_answer
from autoflow.testing.endpoint_http import HttpReply, HttpRequest, read_request

_PATIENCE = 30.0
_DRIPS = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer with an HTTP status of its own."""

    status: int
    error: Mapping[str, Any] = field(default_factory=dict)
    """What stands under `error`, such as `code` and `message`."""
    headers: Mapping[str, str] = field(default_factory=dict)


Said: TypeAlias = str | Mapping[str, Any] | Refusal
"""The text of every completion, a whole answer, or a refusal."""
EndpointScript: TypeAlias = Callable[[Mapping[str, Any]], Said | Awaitable[Said]]
"""What the endpoint says to the body of a request."""


class Fault(StrEnum):
    """How an answer fails."""

    RATE_LIMIT = "rate_limit"
    """429 with Retry-After."""
    SERVER_ERROR = "server_error"
    """500."""
    CUT = "cut"
    """The connection ends in the middle of the answer."""
    GARBAGE = "garbage"
    """200, and something that is no JSON."""
    SENSELESS = "senseless"
    """200, and JSON that is no answer."""
    DRIP = "drip"
    """The answer comes byte by byte, over `FaultPlan.drip_seconds`."""
    SILENCE = "silence"
    """No answer comes."""


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Which requests fail."""

    share: float = 0.0
    """Of all requests, 0 to 1."""
    faults: Sequence[Fault] = tuple(Fault)
    """Each equally likely."""
    seed: int = 0
    retry_after: str = "0"
    """The header of a 429."""
    drip_seconds: float = 60.0

    def draw(self) -> Callable[[], Fault | None]:
        """A function that says how the next request fails; None means that it does not."""
        rng = random.Random(self.seed)

        def next_fault() -> Fault | None:
            return rng.choice(self.faults) if rng.random() < self.share else None

        return next_fault


@dataclass(slots=True)
class EndpointCall:
    """One request for a chat or for embeddings that the endpoint was sent."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]
    """Their names in lower case."""
    fault: Fault | None = None
    charged: tuple[int, int] | None = None
    """Tokens of prompt and completions; None where no whole answer was delivered."""
    answer: Mapping[str, Any] | None = None
    """What was charged for."""
    disconnected: bool = False
    """Whether the client left before the answer was there."""
    embeddings: bool = False
    """Whether it asks for embeddings, of the texts in the body's `input`."""


class ScriptedEndpoint:
    """The endpoint; `async with ScriptedEndpoint.serving(script) as endpoint` starts and stops one.

    Tokens are words. An answer's id, `chatcmpl-<i>`, is the index of its request in `calls`.

    Args:
        script: what it says.
        faults: which requests fail; none by default.
        models: what it lists.
        embed: the vector of a text; None: it makes no embeddings, and says 404.

    Attributes:
        calls: every request for a chat or for embeddings, in order.
    """

    def __init__(
        self,
        script: EndpointScript,
        faults: FaultPlan | None = None,
        models: Sequence[str] = ("scripted",),
        embed: EmbeddingScript | None = None,
    ) -> None:
        self._script = script
        self._embed = embed
        self._next_fault = (faults or FaultPlan()).draw()
        self._plan = faults or FaultPlan()
        self._models = tuple(models)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self.calls: list[EndpointCall] = []

    @classmethod
    @asynccontextmanager
    async def serving(
        cls,
        script: EndpointScript,
        faults: FaultPlan | None = None,
        models: Sequence[str] = ("scripted",),
        embed: EmbeddingScript | None = None,
    ) -> AsyncIterator[ScriptedEndpoint]:
        """Serves an endpoint for the length of the block; the arguments are the constructor's."""
        endpoint = cls(script, faults, models, embed)
        await endpoint.start()
        try:
            yield endpoint
        finally:
            await endpoint.close()

    @property
    def base_url(self) -> str:
        """Where it is, with `/v1` at its end."""
        assert self._server is not None, "start it first"
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}/v1"

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "start it first"
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listens; 0 is a free port."""
        self._server = await asyncio.start_server(self._connected, host, port)

    async def close(self) -> None:
        """Ends every connection and stops to listen."""
        if self._server is None:
            return
        self._server.close()
        connections = tuple(self._connections)
        for connection in connections:
            connection.cancel()
        if connections:
            await asyncio.wait(connections, timeout=_PATIENCE)

    async def until(self, reached: Callable[[Self], bool]) -> None:
        """Waits for a condition on the endpoint, which is looked at whenever a call begins or ends.

        Raises:
            TimeoutError: it is not met within 30 seconds.
        """
        async with asyncio.timeout(_PATIENCE), self._changed:
            await self._changed.wait_for(lambda: reached(self))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while (request := await read_request(reader)) is not None:
                    if not await self._serve(request, reader, writer):
                        break
        except asyncio.CancelledError:
            pass  # `close` ended it; nobody waits for the task's result.
        finally:
            self._connections.discard(task)
            writer.close()

    async def _serve(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answers one request. False: the connection is done with."""
        if request.method == "GET" and request.path == "/v1/models":
            listed = [{"id": name, "object": "model"} for name in self._models]
            return await _send(writer, HttpReply(200, {"object": "list", "data": listed}))
        embeddings = request.path == "/v1/embeddings" and self._embed is not None
        if request.method != "POST" or not (embeddings or request.path == "/v1/chat/completions"):
            return await _send(writer, HttpReply(404, {"error": {"message": "no such path"}}))
        body = json.loads(request.body)
        call = EndpointCall(body, request.headers, self._next_fault(), embeddings=embeddings)
        self.calls.append(call)
        await self._note()
        answering = asyncio.ensure_future(self._answer(call, len(self.calls) - 1, writer))
        leaving = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
            call.disconnected = not answering.done()
            return answering.done() and answering.result()
        finally:
            for task in (answering, leaving):
                task.cancel()
            await asyncio.gather(answering, leaving, return_exceptions=True)
            await self._note()

    async def _answer(self, call: EndpointCall, index: int, writer: asyncio.StreamWriter) -> bool:
        if call.fault is Fault.SILENCE:
            await asyncio.Event().wait()
        if call.fault is Fault.RATE_LIMIT:
            headers = {"Retry-After": self._plan.retry_after}
            return await _send(writer, HttpReply(429, {"error": {"message": "slow down"}}, headers))
        if call.fault is Fault.SERVER_ERROR:
            return await _send(writer, HttpReply(500, {"error": {"message": "out of order"}}))
        if call.fault is Fault.GARBAGE:
            return await _send(writer, HttpReply(200, b"<html>back soon</html>"))
        if call.fault is Fault.SENSELESS:
            return await _send(writer, HttpReply(200, {"choices": [{"message": 7}], "usage": None}))
        if call.embeddings and self._embed is not None:
            return await self._deliver(call, embeddings_answer(call.body, self._embed), writer)
        said = self._script(call.body)
        said = await said if inspect.isawaitable(said) else said
        if isinstance(said, Refusal):
            return await _send(writer, HttpReply(said.status, {"error": dict(said.error)}, said.headers))
        answer = chat_answer(call.body, said, index) if isinstance(said, str) else said
        return await self._deliver(call, answer, writer)

    async def _deliver(
        self, call: EndpointCall, answer: Mapping[str, Any], writer: asyncio.StreamWriter
    ) -> bool:
        data = HttpReply(200, answer).encode()
        if call.fault is Fault.CUT:
            writer.write(data[: -len(data) // 4])
            await writer.drain()
            return False
        if call.fault is Fault.DRIP:
            size = len(data) // _DRIPS + 1
            for start in range(0, len(data), size):
                writer.write(data[start : start + size])
                await writer.drain()
                await asyncio.sleep(self._plan.drip_seconds / _DRIPS)
        else:
            writer.write(data)
            await writer.drain()
        usage = answer.get("usage") or {}
        call.answer = answer
        call.charged = (usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0))
        return True

    async def _note(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _send(writer: asyncio.StreamWriter, reply: HttpReply) -> bool:
    writer.write(reply.encode())
    await writer.drain()
    return True
