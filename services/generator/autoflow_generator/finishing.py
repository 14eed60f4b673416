"""Goes on with each item of a stream by itself, and hands on what is finished first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_CANCEL_SECONDS = 5.0


async def as_finished(
    items: AsyncGenerator[_Item, None], work: Callable[[_Item], Awaitable[_Result]]
) -> AsyncGenerator[_Result, None]:
    """Works on items concurrently, as they come.

    The first failure, of the items or of the work, ends the whole and cancels the rest, and so does closing
    the generator.

    Args:
        items: closed at the end.
        work: makes a result of an item.

    Yields:
        The results, in the order in which they are finished.
    """
    finished: asyncio.Queue[tuple[_Result] | None] = asyncio.Queue()

    async def worked(item: _Item) -> None:
        finished.put_nowait((await work(item),))

    async def feed() -> None:
        async with asyncio.TaskGroup() as group, aclosing(items):
            async for item in items:
                group.create_task(worked(item))

    feeding = asyncio.create_task(feed())
    feeding.add_done_callback(lambda _: finished.put_nowait(None))
    try:
        while (result := await finished.get()) is not None:
            yield result[0]
        try:
            await feeding
        except BaseExceptionGroup as several:
            raise _first(several) from None
    finally:
        feeding.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await asyncio.gather(feeding, return_exceptions=True)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
