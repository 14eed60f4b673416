"""Sends a stream of requests, and finds out how the call really ended.

A server that finds a fault answers before it was sent everything. The write that fails then makes grpc's call
(1.85, github.com/grpc/grpc/issues/36066) say INTERNAL: in the place of the server's own status, if that came
a moment before, or until it comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import grpc

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
T = TypeVar("T")

_OF_A_WRITE = (grpc.StatusCode.INTERNAL, "Internal error from Core")
_SECONDS = 1.0
"""In which the status comes that belongs to a failed write."""


async def upload(
    call: grpc.aio.StreamUnaryCall[RequestT, ResponseT], requests: Iterator[RequestT]
) -> ResponseT:
    """Sends requests, each taken in a thread when the one before was sent, and returns the answer.

    Args:
        call: nothing was sent by it yet.
        requests: the requests; what they raise is passed on.

    Raises:
        grpc.aio.AioRpcError: the call failed.
    """
    # grpc calls back at the first status, in its own order and not in that of tasks.
    first: list[grpc.aio.AioRpcError] = []
    call.add_done_callback(lambda _: first.append(_ending(call)))
    await _send(call, requests)
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise await _meant(call, first[0] if first else error) from error


async def _send(call: grpc.aio.StreamUnaryCall[RequestT, ResponseT], requests: Iterator[RequestT]) -> None:
    """Sends all requests, or those before the end of the call, which its deadline or the server brings."""
    ended = asyncio.ensure_future(call.code())
    taking: asyncio.Future[RequestT | None] | None = None
    try:
        while not ended.done():
            taking = asyncio.ensure_future(asyncio.to_thread(next, requests, None))
            await asyncio.wait((taking, ended), return_when=asyncio.FIRST_COMPLETED)
            if not taking.done():
                return
            if (request := taking.result()) is None:
                await call.done_writing()
                return
            await call.write(request)
    except (asyncio.InvalidStateError, grpc.aio.AioRpcError):
        # The call has ended; its status says why.
        return
    finally:
        ended.cancel()
        if taking is not None:
            taking.cancel()
            # What goes wrong with a request that nobody waits for concerns nobody.
            await asyncio.gather(taking, return_exceptions=True)


async def _meant(
    call: grpc.aio.StreamUnaryCall[RequestT, ResponseT], error: grpc.aio.AioRpcError
) -> grpc.aio.AioRpcError:
    """The server's own error, where the one at hand is that of a failed write."""
    clock = asyncio.get_running_loop().time
    end = clock() + _SECONDS
    while (error.code(), error.details()) == _OF_A_WRITE and clock() < end:
        await asyncio.sleep(0.005)
        error = _ending(call)
    return error


def _ending(call: grpc.aio.StreamUnaryCall[RequestT, ResponseT]) -> grpc.aio.AioRpcError:
    """The status that a call has which has ended."""
    return grpc.aio.AioRpcError(
        _at_once(call.code()),
        grpc.aio.Metadata(),
        _at_once(call.trailing_metadata()),
        _at_once(call.details()),
    )


def _at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that waits for nothing."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    raise RuntimeError("the call has not ended")
