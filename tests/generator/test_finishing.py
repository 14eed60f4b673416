"""Going on with each item of a stream: the order of results, failures, and leaving early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from autoflow_generator.finishing import as_finished


class Stream:
    """Gives numbers from 0, and notes when it is closed."""

    def __init__(self, count: int, *, ends: bool = True, fails: bool = False) -> None:
        self._count, self._ends, self._fails = count, ends, fails
        self.closed = False

    async def items(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(self._count):
                yield number
            if self._fails:
                raise ValueError("the stream")
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.closed = True


async def collect(finished: AsyncGenerator[int, None], results: list[int]) -> None:
    async for result in finished:
        results.append(result)


async def test_what_is_finished_first_comes_first() -> None:
    gates = [asyncio.Event() for _ in range(3)]

    async def work(number: int) -> str:
        await gates[number].wait()
        return f"done {number}"

    results = []
    async with asyncio.timeout(10), aclosing(as_finished(Stream(3).items(), work)) as finished:
        for number in (2, 0, 1):
            gates[number].set()
            results.append(await anext(finished))
        assert [left async for left in finished] == []
    assert results == ["done 2", "done 0", "done 1"]


async def test_a_failure_of_the_work_ends_all_and_comes_after_what_was_finished() -> None:
    stream = Stream(3)
    cancelled = []

    async def work(number: int) -> int:
        if number == 1:
            raise KeyError("the work")
        if number == 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise
        return number

    results: list[int] = []
    async with asyncio.timeout(10):
        with pytest.raises(KeyError, match="the work"):
            await collect(as_finished(stream.items(), work), results)
    assert (results, stream.closed) == ([0], True)
    assert set(cancelled) <= {2}


async def test_a_failure_of_the_stream_is_told_as_it_is() -> None:
    async def work(number: int) -> int:
        await asyncio.Event().wait()
        return number

    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="the stream"):
            await collect(as_finished(Stream(2, fails=True).items(), work), [])


async def test_leaving_early_cancels_the_work_and_closes_the_stream() -> None:
    stream = Stream(3, ends=False)
    begun = asyncio.Event()
    cancelled: list[int] = []

    async def work(number: int) -> int:
        if number == 0:
            await begun.wait()
            return number
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    async with asyncio.timeout(10):
        async with aclosing(as_finished(stream.items(), work)) as finished:
            assert await anext(finished) == 0
        assert sorted(cancelled) == [1, 2]
    assert stream.closed
