"""Coroutines side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")
U = TypeVar("U")


async def gather(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Runs all side by side; when one fails, the others are cancelled and have ended when its error is
    raised.

    A TaskGroup would wrap that error in a group, which every caller would have to open again.
    """
    tasks = [asyncio.create_task(call) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


async def both(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Runs two side by side, as `gather` does."""
    done: list[Any] = await gather([first, second])
    return done[0], done[1]
