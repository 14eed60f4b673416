"""An MCP server as a child process, spoken to over its pipes.

The SDK has such a transport, too. This one bounds the length of a message, since a line without an end would
take all memory; sends what the server writes to standard error to the log, line by line; says when the server
has ended; and gives up on one that writes anything but messages.

A server that ignores the end of its input, and its children, are killed with their process group. It does not
protect against one that leaves its group, nor, where this process itself is killed, against one that ignores
the end of its input.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp import types
from mcp.client.stdio import get_default_environment
from mcp.shared.message import SessionMessage

MOST_MESSAGE_BYTES = 8 * 2**20
_MOST_GARBAGE = 20
"""Lines that are no message, before the server is given up."""
_GRACE = 1.0
"""Seconds that a server has to end, after the end of its input and again after SIGTERM."""
_POLL = 0.02
_LOGGED = 1000
"""Characters of a line of its standard error."""

_log = logging.getLogger(__name__)

Streams = tuple[MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]]


@dataclass(frozen=True, slots=True)
class Program:
    """What is started."""

    source: str
    """Its name in the settings; for the log."""
    command: str
    args: Sequence[str] = ()
    env: Mapping[str, str] | None = None
    """Added to the few variables that are safe to pass on, such as `PATH`."""


@asynccontextmanager
async def running(program: Program, ended: asyncio.Event) -> AsyncIterator[Streams]:
    """Runs a server for the length of the block.

    Args:
        program: what to start.
        ended: set when the server can be spoken to no more.

    Yields:
        Messages from the server, and to it.

    Raises:
        OSError: it cannot be started.
    """
    loop = asyncio.get_running_loop()
    # As `create_subprocess_exec` does it, which keeps the transport to itself.
    transport, protocol = await loop.subprocess_exec(
        lambda: SubprocessStreamProtocol(limit=MOST_MESSAGE_BYTES, loop=loop),
        program.command,
        *program.args,
        env={**get_default_environment(), **(program.env or {})},
        start_new_session=True,
    )
    process = Process(transport, protocol, loop)
    to_session, from_server = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    from_session, to_server = anyio.create_memory_object_stream[SessionMessage](0)
    pumps = [
        asyncio.create_task(_read(program.source, process, to_session, ended)),
        asyncio.create_task(_write(process, to_server, ended)),
        asyncio.create_task(_log_errors(program.source, process)),
    ]
    try:
        yield from_server, from_session
    finally:
        try:
            await _stop(process, broken=ended.is_set())
        finally:
            # At once where even the wait was cancelled; its children go with it.
            _signal(process, signal.SIGKILL)
            transport.close()
            for pump in pumps:
                pump.cancel()
            for stream in (to_session, from_server, from_session, to_server):
                stream.close()
            await asyncio.gather(*pumps, return_exceptions=True)


async def _read(
    source: str,
    process: Process,
    to_session: MemoryObjectSendStream[SessionMessage | Exception],
    ended: asyncio.Event,
) -> None:
    assert process.stdout is not None
    garbage = 0
    try:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            while garbage < _MOST_GARBAGE and (line := await process.stdout.readline()):
                message = _message(line)
                if message is None:
                    garbage += 1
                else:
                    await to_session.send(message)
        if garbage >= _MOST_GARBAGE:
            # Its words stay out of the log: they may be what a message should have been.
            _log.warning("MCP server %s wrote %d lines that are no messages", source, garbage)
    except ValueError:
        _log.warning("MCP server %s wrote a message of more than %d bytes", source, MOST_MESSAGE_BYTES)
    finally:
        ended.set()
        to_session.close()


def _message(line: bytes) -> SessionMessage | None:
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(line, by_name=False))
    except ValueError:
        return None


async def _write(
    process: Process,
    to_server: MemoryObjectReceiveStream[SessionMessage],
    ended: asyncio.Event,
) -> None:
    assert process.stdin is not None
    try:
        async for message in to_server:
            text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(text.encode() + b"\n")
            await process.stdin.drain()
    except OSError:
        ended.set()


async def _log_errors(source: str, process: Process) -> None:
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:
            continue
        if not line:
            return
        _log.info("MCP server %s: %s", source, line.decode(errors="replace").rstrip()[:_LOGGED])


async def _stop(process: Process, *, broken: bool) -> None:
    """Ends the server: closes its input, waits, then signals its group; at once where it is broken."""
    assert process.stdin is not None
    process.stdin.close()
    if broken or not await _has_ended(process):
        _signal(process, signal.SIGTERM)
        await _has_ended(process)


async def _has_ended(process: Process) -> bool:
    # Not `process.wait`, which also waits for pipes that children of the server may hold open.
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            while process.returncode is None:  # noqa: ASYNC110
                await asyncio.sleep(_POLL)
    return process.returncode is not None


def _signal(process: Process, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
