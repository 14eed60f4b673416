"""Who is in which batch, who is refused, and what becomes of those who give up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoflow.errors import ResourceExhausted
from autoflow_scorer.batching import Batcher, BatchReport, Limits
from autoflow_scorer.batching.fair_queue import FairQueue


class Device:
    """Doubles numbers; holds each batch until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.go.set()

    def run(self, jobs: Sequence[int]) -> list[int]:
        self.batches.append(list(jobs))
        assert self.go.wait(10)
        return [2 * job for job in jobs]


@asynccontextmanager
async def batching(
    device: Device, limits: Limits, reports: list[BatchReport] | None = None
) -> AsyncIterator[Batcher[int, int]]:
    with ThreadPoolExecutor(1) as executor:
        sink = [] if reports is None else reports
        try:
            yield Batcher(device.run, limits, executor, sink.append)
        finally:
            device.go.set()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_the_work_of_many_callers_is_one_batch() -> None:
    device, reports = Device(), list[BatchReport]()
    async with batching(device, Limits(budget=100, linger=0.05), reports) as batcher:
        answers = await asyncio.gather(
            *(batcher.submit([caller, caller + 1], [1, 1], caller=str(caller)) for caller in range(10))
        )

    assert answers == [[2 * caller, 2 * caller + 2] for caller in range(10)]
    assert [(report.jobs, report.cost, report.requests) for report in reports] == [(20, 20, 10)]


async def test_a_full_batch_does_not_wait_for_more() -> None:
    device = Device()
    async with batching(device, Limits(budget=4, linger=60)) as batcher, asyncio.timeout(10):
        assert await batcher.submit([1, 2, 3, 4], [1] * 4, caller="a") == [2, 4, 6, 8]


async def test_no_batch_costs_more_than_the_budget_but_for_a_single_job() -> None:
    device = Device()
    async with batching(device, Limits(budget=5)) as batcher:
        answers = await batcher.submit([1, 2, 3, 4], [3, 3, 9, 2], caller="a")

    assert answers == [2, 4, 6, 8]
    assert device.batches == [[1], [2], [3], [4]]


async def test_a_caller_with_little_is_served_before_the_rest_of_one_with_much() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=4, waiting=100)) as batcher:
        first = asyncio.create_task(batcher.submit([0], [1], caller="first"))
        await until(lambda: device.batches)
        much = asyncio.create_task(batcher.submit(list(range(100, 140)), [1] * 40, caller="much"))
        await until(lambda: batcher.waiting_cost)
        little = asyncio.create_task(batcher.submit([7, 8], [1, 1], caller="little"))
        await until(lambda: batcher.waiting_cost == 6)
        device.go.set()
        await asyncio.gather(first, much, little)

    assert sorted(device.batches[1]) == [7, 8, 100, 101]


async def test_one_too_many_is_refused_with_a_hint_and_the_last_quarter_is_for_newcomers() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=8, waiting=8)) as batcher:
        running = asyncio.create_task(batcher.submit([0], [1], caller="a"))
        await until(lambda: device.batches)
        waiting = asyncio.create_task(batcher.submit([1, 2, 3, 4, 5, 6], [1] * 6, caller="a"))
        await until(lambda: batcher.waiting_cost == 6)
        with pytest.raises(ResourceExhausted) as refused:
            await batcher.submit([7], [1], caller="a")
        newcomer = asyncio.create_task(batcher.submit([8, 9], [1, 1], caller="b"))
        await until(lambda: batcher.waiting_cost == 8)
        with pytest.raises(ResourceExhausted):
            await batcher.submit([10], [1], caller="c")
        device.go.set()

        assert refused.value.retry_after is not None
        assert refused.value.retry_after > 0
        answers = await asyncio.gather(running, waiting, newcomer)
        assert list(answers) == [[0], [2, 4, 6, 8, 10, 12], [16, 18]]


async def test_a_caller_who_would_wait_for_the_others_is_refused_and_they_are_not() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=4, waiting=8)) as batcher:
        calls = [asyncio.create_task(batcher.submit([0], [1], caller="first"))]
        await until(lambda: device.batches)
        calls.append(asyncio.create_task(batcher.submit([1, 2, 3, 4], [1] * 4, caller="greedy")))
        calls.append(asyncio.create_task(batcher.submit([5], [1], caller="a")))
        await until(lambda: batcher.waiting_cost == 5)
        with pytest.raises(ResourceExhausted):
            await batcher.submit([6], [1], caller="greedy")
        calls.append(asyncio.create_task(batcher.submit([7], [1], caller="a")))
        await until(lambda: batcher.waiting_cost == 6)
        device.go.set()
        await asyncio.gather(*calls)


async def test_what_was_given_up_is_not_computed_and_makes_room() -> None:
    device = Device()
    device.go.clear()
    async with batching(device, Limits(budget=4)) as batcher:
        running = asyncio.create_task(batcher.submit([0], [1], caller="a"))
        await until(lambda: device.batches)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(batcher.submit([1, 2, 3], [1] * 3, caller="b"), timeout=0.01)
        assert batcher.waiting_cost == 0
        later = asyncio.create_task(batcher.submit([4], [1], caller="b"))
        device.go.set()
        await asyncio.gather(running, later)

    assert device.batches == [[0], [4]]


async def test_a_fault_of_a_batch_reaches_those_in_it_and_the_next_batch_runs() -> None:
    def run(jobs: Sequence[int]) -> list[int]:
        if 13 in jobs:
            raise ValueError("thirteen")
        return list(jobs)

    with ThreadPoolExecutor(1) as executor:
        batcher = Batcher(run, Limits(budget=10), executor)
        failed = await asyncio.gather(
            batcher.submit([13], [1], caller="a"),
            batcher.submit([1], [1], caller="b"),
            return_exceptions=True,
        )
        assert [str(error) for error in failed] == ["thirteen", "thirteen"]
        assert await batcher.submit([1], [1], caller="a") == [1]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.booleans()), max_size=60),
    st.integers(1, 20),
)
def test_every_item_that_is_not_dropped_is_taken_once_and_in_its_callers_order(
    puts: list[tuple[str, int, bool]], budget: int
) -> None:
    queue: FairQueue[tuple[str, int, int]] = FairQueue()
    kept = []
    for number, (caller, cost, dropped) in enumerate(puts):
        entry = queue.put(caller, cost, (caller, cost, number))
        if dropped:
            queue.drop(entry)
        else:
            kept.append(entry.item)
    assert queue.cost == sum(cost for _, cost, _ in kept)

    taken = []
    while batch := list(queue.take(budget)):
        assert len(batch) == 1 or sum(cost for _, cost, _ in batch) <= budget
        taken += batch

    assert sorted(taken, key=lambda item: item[2]) == kept
    for caller in "abc":
        mine = [item for item in taken if item[0] == caller]
        assert mine == sorted(mine, key=lambda item: item[2])
    assert queue.cost == 0


@given(
    st.lists(st.integers(1, 9), min_size=20, max_size=60),
    st.lists(st.integers(1, 9), min_size=20, max_size=60),
)
def test_two_callers_who_both_wait_get_the_same_share(first: list[int], second: list[int]) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue()
    for caller, costs in (("a", first), ("b", second)):
        for cost in costs:
            queue.put(caller, cost, (caller, cost))

    shares = {"a": 0, "b": 0}
    while queue.cost_of("a") and queue.cost_of("b"):
        caller, cost = next(queue.take(1))
        shares[caller] += cost
        assert abs(shares["a"] - shares["b"]) <= 9 + 9


@pytest.mark.parametrize("always_busy", [False, True])
def test_callers_who_left_are_forgotten(always_busy: bool) -> None:
    queue: FairQueue[int] = FairQueue()
    queue.put("first", 1, -1)
    if not always_busy:
        list(queue.take(1))
    for number in range(10_000):
        queue.put(f"caller {number}", 1, number)
        assert len(list(queue.take(1))) == 1

    assert len(queue._lines) < 1_000
